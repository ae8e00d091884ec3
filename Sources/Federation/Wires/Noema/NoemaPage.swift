import FederationCore

/// One answer of `sync_events`, read so that one bad event spoils no other.
struct NoemaPage {
    let items: [PulledItem]
    /// The greatest id of the page.
    let last: ULID?
    /// The peer's log may go on after it.
    let leadsOn: Bool

    /// - Parameters:
    ///   - text: the text of the tool's answer; `null`, `[]` and nothing are an empty page.
    ///   - since: where the page was asked to begin, exclusive.
    ///   - cutFrom: how long a text may be that its server has cut short.
    /// - Throws: `WireViolation` for more events than asked, and for ids that do not ascend from `since`.
    init(
        text: String, since: ULID?, limit: Int, cutFrom: Int = Limits.pageBytes - Limits.eventBytes
    ) throws(ExchangeFailure) {
        let bytes = Array(text.utf8)
        let elements: [ArraySlice<UInt8>]
        if NoemaPage.isEmpty(bytes) {
            elements = []
        } else {
            do { elements = try JSON.elements(ofArray: bytes, limit: limit) } catch {
                if case .tooManyValues = error { throw .malformed(.moreEventsThanAsked(asked: limit)) }
                throw .malformed(.notJSON(error))
            }
        }
        items = elements.map { PulledItem(json: Array($0)) }
        var last = since
        for item in items {
            // An id that is no ULID has no place in the order; its event is refused by itself.
            guard let id = item.ulid else { continue }
            if let last, id <= last { throw .malformed(.idsNotAscending) }
            last = id
        }
        self.last = last
        // A server of ours cuts a page at `Limits.pageBytes`, so a cut one lacks at most an event of that. Were it
        // taken for the end, one cut inside the window that each poll reads again would be the last for ever.
        leadsOn = elements.count == limit || bytes.count >= cutFrom
    }

    private static func isEmpty(_ text: [UInt8]) -> Bool {
        let value = text.lazy.filter { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        return value.first == nil || value.elementsEqual("null".utf8)
    }
}

extension PulledItem {
    /// The id by which a log is ordered, where the item has one.
    var ulid: ULID? {
        switch self {
        case .event(let event, _): event.id
        case .unreadable(_, _, let id, _): ULID(id)
        }
    }
}
