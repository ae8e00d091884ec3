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

    /// - Parameter check: looks at the signature; `nil` where nothing is asked of it.
    /// - Returns: `nil` for what cannot be read.
    package init?(of item: PulledItem, sha256: SHA256, check: SignatureCheck?) {
        guard case .event(let event, _) = item else { return nil }
        let data = event.data.flatMap { try? JSON($0) }
        guard let hashed = try? event.hashed(sha256, data: data) else { return nil }
        fingerprint = hashed.fingerprint
        var (snapshot, refusal): (Snapshot?, EventRefusal?)
        do throws(EventRefusal) { snapshot = try event.checkContent(sha256, data: data) } catch { refusal = error }
        snapshot?.body = ""
        (self.snapshot, self.refusal) = (snapshot, refusal)
        loneRecord = refusal == nil ? snapshot.flatMap { RecordFunction.record(of: event, saying: $0) } : nil
        guard let check, let text = event.signature, let key = event.publicKey else {
            signature = nil
            return
        }
        signature = SignatureFinding(key: key, holds: check(hashed.preimage, text, key))
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
        var start = body.startIndex
        while start < body.endIndex {
            guard let end = body[start...].firstIndex(of: 0x0A) else { throw .malformed(.truncated) }
            guard lines.count < limit else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
            lines.append(body[start..<end])
            start = end + 1
        }
        return lines
    }
}
