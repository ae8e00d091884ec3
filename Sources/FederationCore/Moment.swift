/// A moment, by both clocks: the monotonic one decides, the wall clock is written down.
package struct Moment: Hashable, Sendable {
    package var instant: Instant
    package var wall: WallTime

    package init(_ instant: Instant, _ wall: WallTime) {
        self.instant = instant
        self.wall = wall
    }
}
