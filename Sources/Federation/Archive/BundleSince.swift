internal import FederationConfig
internal import FederationCore

extension BundleExport {
    /// Where the bundle begins.
    package enum Since: Hashable, Sendable {
        case beginning
        /// What came here from this moment on.
        case time(WallTime)
        /// After a position of this log.
        case position(String)
        /// After a place in the order of arrival, as commands show it, or after the event of this id.
        case place(Int64)
        case event(ULID)
        /// After what this peer said, in its last bundle that was imported, that it has.
        case peer(String)

        /// Reads a time, a place, an event's id, a duration back from `now`, or a position.
        package init(_ text: String, now: WallTime) throws(Unread) {
            if let time = WallTime(rfc3339: text) ?? WallTime(rfc3339: text + "T00:00:00Z") {
                self = .time(time)
            } else if let place = Since.place(text) {
                guard !Since.years.contains(place) || text.contains(",") else { throw .year(text) }
                self = .place(place)
            } else if let id = ULID(text) {
                self = .event(id)
            } else if let back = try? Duration(configured: text), back >= .zero {
                self = .time(now.advanced(by: .zero - back))
            } else if NativePosition(text) != nil {
                self = .position(text)
            } else {
                throw .nothing
            }
        }

        /// Four digits that somebody may have meant as a year.
        private static let years: ClosedRange<Int64> = 1970...2100

        /// A place as commands show it: digits, or groups of three of them.
        private static func place(_ text: String) -> Int64? {
            let groups = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard groups.allSatisfy({ group in group.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
            let isGrouped = (1...3).contains(groups[0].count) && groups.dropFirst().allSatisfy { $0.count == 3 }
            guard groups.count == 1 || isGrouped else { return nil }
            return Int64(String(decoding: groups.joined(), as: UTF8.self))
        }
    }

    /// Why a text says of no bundle where it begins.
    package enum Unread: Error, Hashable, Sendable {
        case nothing
        /// It may be a year or a place.
        case year(String)
    }
}
