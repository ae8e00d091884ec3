internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// What somebody may have meant who named a record or an event that there is not.
extension CommandService {
    /// The same failure, with the names that are near the one that was given.
    func withNearNames(_ failure: CommandFailure) async -> CommandFailure {
        var failure = failure
        guard failure.list.isEmpty, let id = failure.facts["id"] else { return failure }
        switch failure.code {
        case .unknownRecord: failure.list = await recordsNear(id)
        case .unknownEvent: failure.list = await eventsNear(id)
        default: break
        }
        return failure
    }

    /// Records of the same day.
    func recordsNear(_ id: String) async -> [String] {
        let day = id.prefix(9)
        guard day.utf8.count == 9, day.hasSuffix("-") else { return [] }
        var filter = RecordFilter(limit: 200)
        filter.after = String(day)
        filter.includeTrashed = true
        let wanted = filter
        let found = try? await read { (log) throws(StoreFailure) in try log.records(wanted).map(\.subject) }
        return (found ?? []).filter { $0.hasPrefix(day) }
    }

    /// Events whose ids begin as this one does: with all of it, or with what says the second they are of.
    func eventsNear(_ text: String) async -> [String] {
        let word = text.uppercased()
        for length in [word.utf8.count, 8] where length >= 8 {
            let beginning = word.utf8.prefix(length)
            let rest = ULID.length - beginning.count
            guard rest >= 0, let from = ULID(String(Substring(beginning)) + String(repeating: "0", count: rest)),
                let through = ULID(String(Substring(beginning)) + String(repeating: "Z", count: rest))
            else { continue }
            let after = from.low > 0 ? ULID(high: from.high, low: from.low - 1) : from
            let found = try? await read { (log) throws(StoreFailure) in
                try log.events(after: after, through: through, limit: 50, bytes: 1 << 20).map(\.event.id.description)
            }
            if let found, !found.isEmpty { return found }
        }
        return []
    }
}
