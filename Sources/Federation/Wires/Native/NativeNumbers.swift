import FederationCore
import FederationHTTP

/// The part of a poll in which a peer is asked for events by the numbers of their origins: holes, one after another.
struct NativeNumbers {
    static let feature = "numbers"

    private var holes: ArraySlice<NumberHole>
    private let limit: Int
    /// The first number that is asked for next, of the first hole.
    private var from: UInt64
    private var pages = 0
    /// Events that came.
    private(set) var filled = 0

    init(_ holes: [NumberHole], limit: Int) {
        self.holes = holes[...]
        self.limit = limit
        from = holes.first?.first ?? 0
    }

    /// What to ask for; `nil` when there is nothing more.
    var target: String? {
        guard let hole = holes.first else { return nil }
        return "\(NativeRoutes.eventsPath)?origin=\(percentEncoded(hole.origin))&from=\(from)&to=\(hole.last)&limit=\(limit)"
    }

    /// Reads an answer, and goes on to what is asked for next.
    mutating func took(_ response: HTTPResponse) throws(ExchangeFailure) -> [PulledItem] {
        guard let hole = holes.first else { return [] }
        guard response.fields.mediaType == NativeRoutes.pageType else { throw .malformed(.contentType) }
        let items = try NativePage.items(response, limit: limit)
        pages += 1
        guard response.fields[NativeField.more] == "true", pages < Limits.holePages else {
            passHole()
            return items
        }
        guard let next = response.fields[NativeField.next].flatMap({ UInt64($0) }) else { throw .malformed(.headerMissing) }
        guard next > from, next <= hole.last, !items.isEmpty else { throw .malformed(.noProgress) }
        from = next
        return items
    }

    mutating func committed(_ outcome: PageOutcome) { filled += outcome.applied + outcome.held }

    /// The peer does not answer for numbers after all.
    mutating func giveUp() { holes = [] }

    private mutating func passHole() {
        holes = holes.dropFirst()
        from = holes.first?.first ?? 0
        pages = 0
    }
}

/// `GET …/events?origin=<origin>&from=<number>&to=<number>`: events of one origin by their numbers.
struct NumbersQuery {
    var origin: String
    var numbers: ClosedRange<UInt64>
    var limit: Int

    /// `nil` for a request that names no origin.
    init?(_ request: ServedRequest) throws(NativeRoutes.Refusal) {
        guard let origin = request.parameter("origin") else { return nil }
        guard !origin.isEmpty, origin.utf8.count <= Limits.eventTextBytes, request.parameter("after") == nil,
            request.parameter("id") == nil
        else {
            throw NativeRoutes.Refusal(
                status: 400, code: "invalid_query", message: "Ask by the numbers of one origin, by id or after a position.")
        }
        guard let from = request.parameter("from").flatMap({ UInt64($0) }),
            let to = request.parameter("to").flatMap({ UInt64($0) }), from > 0, from <= to, to < Limits.counter
        else {
            throw NativeRoutes.Refusal(
                status: 400, code: "invalid_numbers", message: "from and to must be numbers above zero, in order.")
        }
        self.origin = origin
        numbers = from...to
        limit = try EventsQuery.limit(request)
    }

    /// Those that are here, in order; where the page ends before the last, the number to go on with.
    func page(
        of view: any LogReading, pageBytes: Int, fields: HTTPFields
    ) throws(StoreFailure) -> HTTPResponse {
        var lines = LogLines(room: pageBytes)
        var last: UInt64?
        for stored in try view.events(by: origin, numbers: numbers, limit: limit, bytes: pageBytes) {
            guard lines.append(stored) else { break }
            last = stored.event.number
        }
        var fields = fields
        fields[NativeField.more] = "false"
        // Two events may have one number; past it there is progress whatever they are.
        if let last, last < numbers.upperBound,
            try !view.events(by: origin, numbers: last + 1...numbers.upperBound, limit: 1, bytes: 1).isEmpty
        {
            fields[NativeField.more] = "true"
            fields[NativeField.next] = String(last + 1)
        }
        return lines.response(fields: fields)
    }
}
