import FederationCore

/// What origins say of their histories, as lines behind the events of a page.
///
/// Whoever asks with `attested=<row>` is given, for each origin of the page, its changes of key and the checkpoint that
/// reaches furthest among the page's events; and with the page that ends the log, everything that was kept after `row`.
struct NativeAttestations {
    static let feature = "attestations"
    /// The last row that a puller was given, as it names it.
    static let parameter = "attested"
    /// What a page that ends the log gives of the rows that are new: fewer than fit, as each may need hashing.
    static let newRows = 48

    /// Which events of an origin a page holds.
    struct Spans {
        private(set) var last: [ULID: UInt64] = [:]

        mutating func note(_ dot: DottedClock.Dot) { last[dot.origin] = max(last[dot.origin] ?? 0, dot.number) }
    }

    let lines: [[UInt8]]
    /// The last row that is dealt with.
    let row: Int64?

    /// - Parameters:
    ///   - asked: the row that the puller knows; `nil` where it did not ask.
    ///   - node: who answers.
    ///   - isFirst: it asks for the log from its beginning, and will meet with each page what belongs to it.
    init(
        asked: Int64?, _ spans: Spans, isFirst: Bool, endsLog: Bool, of node: ULID, in view: any LogReading
    ) throws(StoreFailure) {
        guard let asked else {
            (lines, row) = ([], nil)
            return
        }
        var found: [Attestation] = []
        func add(_ attestation: Attestation) {
            if found.count < Limits.attestationsPerPage, !found.contains(attestation) { found.append(attestation) }
        }
        // Whoever has changed its key shows how, before anything else is believed of it.
        for stored in try view.successions(of: node) where stored.row > asked { add(stored.attestation) }
        for (origin, number) in spans.last.sorted(by: { $0.key < $1.key }).prefix(Limits.attestationsPerPage) {
            for succession in try view.successions(of: origin) { add(succession.attestation) }
            if let checkpoint = try view.lastCheckpoint(of: origin, through: number) { add(checkpoint) }
        }
        var reached: Int64?
        if isFirst {
            reached = try view.lastAttestationRow()
        } else if endsLog {
            for stored in try view.attestations(afterRow: asked, limit: NativeAttestations.newRows) {
                guard found.count < Limits.attestationsPerPage || found.contains(stored.attestation) else { break }
                add(stored.attestation)
                reached = stored.row
            }
        }
        lines = found.map(\.json)
        row = reached
    }

    /// The row that a request names.
    static func asked(_ request: ServedRequest) -> Int64? {
        request.parameter(parameter).flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }

    /// Puts the lines behind the events of a page.
    func attach(to response: inout HTTPResponse) {
        if let row { response.fields[NativeField.attested] = String(row) }
        guard !lines.isEmpty else { return }
        response.fields[NativeField.attestations] = String(lines.count)
        for line in lines { response.body += line + [0x0A] }
    }

    /// How many lines of an answer are attestations.
    static func count(in fields: HTTPFields) throws(ExchangeFailure) -> Int {
        guard let text = fields[NativeField.attestations] else { return 0 }
        guard let count = Int(text), (0...Limits.attestationsPerPage).contains(count) else {
            throw .malformed(.headerInvalid)
        }
        return count
    }

    /// Reads such lines; what this program does not know is left out.
    static func read(_ lines: some Sequence<ArraySlice<UInt8>>) -> [Attestation] {
        lines.compactMap { line in (try? JSON(Array(line))).flatMap { Attestation($0) } }
    }
}
