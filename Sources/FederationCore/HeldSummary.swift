/// What a list has of a held event: all but the event.
package struct HeldSummary: Hashable, Sendable {
    package var id: ULID
    package var subject: String
    /// Whom it was taken from.
    package var peer: String
    package var receivedAt: WallTime
    package var hold: HoldReason

    package init(id: ULID, subject: String, peer: String, receivedAt: WallTime, hold: HoldReason) {
        self.id = id
        self.subject = subject
        self.peer = peer
        self.receivedAt = receivedAt
        self.hold = hold
    }
}
