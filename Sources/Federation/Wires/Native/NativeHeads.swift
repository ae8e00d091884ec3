import FederationCore
import FederationHTTP

/// The part of a poll in which a peer is asked for events by id: those whose text records lack.
struct NativeHeads {
    private var ids: ArraySlice<ULID>
    /// How many are asked for at one time.
    private let limit: Int

    init(_ ids: [ULID], limit: Int = Limits.eventsByID) {
        self.ids = ids.prefix(Limits.eventsByID)
        self.limit = max(1, limit)
    }

    /// What to ask for; `nil` when there is nothing more.
    var target: String? {
        guard !ids.isEmpty else { return nil }
        return "\(NativeRoutes.eventsPath)?" + ids.prefix(limit).map { "id=\($0)" }.joined(separator: "&")
    }

    /// Reads an answer. Where its page was full before the last of them, those after the last that came are asked for
    /// next: each answer leaves fewer.
    mutating func took(_ response: HTTPResponse) throws(ExchangeFailure) -> [PulledItem] {
        let all = ids
        ids = all.dropFirst(limit)
        guard response.fields.mediaType == NativeRoutes.pageType else { throw .malformed(.contentType) }
        let items = try NativePage.items(response, limit: Limits.eventsByID)
        if response.fields[NativeField.more] == "true", case .event(let last, _)? = items.last,
            let place = all.prefix(limit).firstIndex(of: last.id)
        {
            ids = all[(place + 1)...]
        }
        return items
    }

    /// The peer has refused.
    mutating func giveUp() { ids = [] }
}
