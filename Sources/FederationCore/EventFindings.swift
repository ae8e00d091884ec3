/// What can be said of an event that came, whatever is in the log.
///
/// It is found out before the event's turn and beside the writer, of which there is one for everybody; a transaction that
/// is not given it finds the same by itself. A class, as it goes from hand to hand and never changes.
package final class EventFindings: Sendable {
    /// Whether the event's signature, over `data` as it came, is by `key`.
    package struct SignatureFinding: Hashable, Sendable {
        let key: String
        let holds: Bool
    }

    let fingerprint: EventFingerprint
    /// Why its content is refused.
    let refusal: EventRefusal?
    /// What a create or update says, without its body.
    let snapshot: Snapshot?
    /// The record of its subject where the log has no other event of it; `nil` where the event is no create or update that is
    /// applied.
    let loneRecord: Record?
    /// Of the key that the event names; `nil` where nobody has looked.
    let signature: SignatureFinding?

    /// - Returns: `nil` for what cannot be read.
    package convenience init?(of item: PulledItem, sha256: SHA256) {
        guard case .event(let event, _) = item else { return nil }
        self.init(of: event, data: event.data.flatMap { try? JSON($0) }, sha256: sha256)
    }

    /// - Parameter data: the event's, where it was read already.
    init?(of event: Event, data: JSON?, sha256: SHA256) {
        guard let fingerprint = try? event.fingerprint(sha256, data: data) else { return nil }
        self.fingerprint = fingerprint
        signature = nil
        do throws(EventRefusal) {
            let said = try event.checkContent(sha256, data: data)
            loneRecord = RecordFunction.record(of: event, saying: said)
            snapshot = said
            refusal = nil
        } catch {
            (loneRecord, snapshot, refusal) = (nil, nil, error)
        }
    }

    private init(_ found: EventFindings, _ signature: SignatureFinding) {
        (fingerprint, refusal, snapshot) = (found.fingerprint, found.refusal, found.snapshot)
        (loneRecord, self.signature) = (found.loneRecord, signature)
    }

    /// The same after a look at the signature of the event, if it has one.
    package func checked(_ event: Event, by check: SignatureCheck) -> EventFindings {
        guard let text = event.signature, let key = event.publicKey else { return self }
        let preimage = event.signingPreimage(dataHash: fingerprint.dataHash)
        return EventFindings(self, SignatureFinding(key: key, holds: check(preimage, text, key)))
    }
}

extension EventFindings: Hashable {
    package static func == (a: EventFindings, b: EventFindings) -> Bool {
        a === b || a.fingerprint == b.fingerprint && a.refusal == b.refusal && a.snapshot == b.snapshot
            && a.signature == b.signature
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

extension EventFindings? {
    /// Whether the event's signature over `data` as it came is by `key`, where that was looked at.
    func holds(by key: String) -> Bool? {
        guard let signature = self?.signature, signature.key.isExactly(key) else { return nil }
        return signature.holds
    }
}

/// A body that has an item on each line, read before whoever asked for it reads on.
package struct ReadLines: Hashable, Sendable {
    /// One for each line.
    package var items: [PulledItem]
    /// By place; `nil` where nothing was found out.
    package var findings: [EventFindings?]
    /// The length of the body, which need not be kept.
    package var bytes: Int

    package init(items: [PulledItem], findings: [EventFindings?], bytes: Int) {
        self.items = items
        self.findings = findings
        self.bytes = bytes
    }

    /// Cuts a body into its lines. Every one ends with a newline, the last one too: one that does not was cut off.
    ///
    /// - Throws: `malformed`, also where there are more than `limit`.
    package static func cut(_ body: [UInt8], limit: Int) throws(ExchangeFailure) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while start < body.count {
            guard let end = unsafe body.span.bytes.firstNewline(from: start) else { throw .malformed(.truncated) }
            guard lines.count < limit else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
            lines.append(body[start..<end])
            start = end + 1
        }
        return lines
    }
}
