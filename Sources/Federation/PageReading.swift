import FederationCore
import FederationCrypto

/// Reads pages and looks at their events on all processors, while the writer is at work on other pages.
struct PageReading: Sendable {
    let policy: SignaturePolicy
    /// Which of some events are in the log: their signatures are not looked at again.
    let held: @Sendable ([ULID]) async -> Set<ULID>

    /// Fewer than these are left to the transaction: handing them round takes longer.
    private static let fewest = 16
    /// Events, and bytes of them, that one processor looks at before it turns to something else.
    private static let batch = (events: 32, bytes: 256 << 10)
    /// Lines of a page: its events and what comes behind them.
    private static let mostLines = Limits.pageEvents + Limits.attestationsPerPage

    /// The lines of an answer; `nil` for one that is not a page, which is for whoever asked to say.
    func lines(of response: HTTPResponse) async -> ReadLines? {
        guard response.status == 200, let lines = try? ReadLines.cut(response.body, limit: PageReading.mostLines),
            lines.count >= PageReading.fewest
        else { return nil }
        let read = await inBatches(lines, bytes: \.count) { PulledItem.read(Array($0), sha256: sha256) }
        let items = read.map(\.item)
        let findings = await checked(read.map(\.findings), of: items, with: PageReading.attestations(in: items))
        return ReadLines(items: items, findings: findings, bytes: response.body.count)
    }

    /// What can be said of the events of a page, by place; empty where it is left to the transaction.
    func findings(of items: [PulledItem], with attestations: [Attestation]) async -> [EventFindings?] {
        guard items.count >= PageReading.fewest else { return [] }
        let found = await inBatches(items, bytes: { $0.bytes.count }) { EventFindings(of: $0, sha256: sha256) }
        return await checked(found, of: items, with: attestations)
    }

    /// The same after a look at the signatures that are asked for.
    private func checked(
        _ found: [EventFindings?], of items: [PulledItem], with attestations: [Attestation]
    ) async -> [EventFindings?] {
        guard policy.mode != .off else { return found }
        // What a chain proves needs no look at each signature.
        var attested: [ULID: UInt64] = [:]
        for one in attestations where one.next == nil { attested[one.origin] = max(attested[one.origin] ?? 0, one.number) }
        let held = await held(items.compactMap { if case .event(let event, _) = $0 { event.id } else { nil } })
        var asked: [(place: Int, event: Event, found: EventFindings)] = []
        for (place, item) in items.enumerated() {
            guard case .event(let event, _) = item, let found = found[place], !held.contains(event.id) else { continue }
            let isProved = event.originID.flatMap { attested[$0] }.map { event.number ?? .max <= $0 } ?? false
            if !isProved { asked.append((place, event, found)) }
        }
        let looked = await inBatches(asked, bytes: { _ in 0 }) { [check = policy.check] in $0.found.checked($0.event, by: check) }
        var findings = found
        for (place, looked) in zip(asked.map(\.place), looked) { findings[place] = looked }
        return findings
    }

    /// The lines of a page that are attestations and no events.
    private static func attestations(in items: [PulledItem]) -> [Attestation] {
        items.compactMap { item in
            guard case .unreadable(_, let bytes, _, _) = item else { return nil }
            return (try? JSON(bytes)).flatMap { Attestation($0) }
        }
    }

    /// What `transform` makes of each value, in their order.
    private func inBatches<Value: Sendable, Result: Sendable>(
        _ values: [Value], bytes: (Value) -> Int, _ transform: @escaping @Sendable (Value) -> Result
    ) async -> [Result] {
        await withTaskGroup(of: (Int, [Result]).self) { group in
            var (start, size) = (0, 0)
            for (place, value) in values.enumerated() {
                size += bytes(value)
                let end = place + 1
                guard end - start == PageReading.batch.events || size >= PageReading.batch.bytes || end == values.count
                else { continue }
                let part = values[start..<end]
                group.addTask { [start] in (start, part.map(transform)) }
                (start, size) = (end, 0)
            }
            var parts: [Int: [Result]] = [:]
            for await (start, results) in group { parts[start] = results }
            return parts.sorted { $0.key < $1.key }.flatMap(\.value)
        }
    }
}
