/// What can be said of an event that came, whatever is in the log.
///
/// It is found out before the event's turn and beside the writer, of which there is one for everybody; a transaction that
/// is not given it finds the same by itself.
package struct EventFindings: Hashable, Sendable {
    /// Whether the event's signature, over `data` as it came, is by `key`.
    package struct SignatureFinding: Hashable, Sendable {
        var key: String
        var holds: Bool
    }

    var fingerprint: EventFingerprint
    /// Why its content is refused.
    var refusal: EventRefusal?
    /// What a create or update says, without its body.
    var snapshot: Snapshot?
    /// Of the key that the event names; `nil` where nobody has looked.
    var signature: SignatureFinding?

    /// - Parameter check: looks at the signature; `nil` where nothing is asked of it.
    /// - Returns: `nil` for what cannot be read.
    package init?(of item: PulledItem, sha256: SHA256, check: SignatureCheck?) {
        guard case .event(let event, _) = item, let fingerprint = try? event.fingerprint(sha256) else { return nil }
        self.fingerprint = fingerprint
        do throws(EventRefusal) { snapshot = try event.checkContent(sha256) } catch { refusal = error }
        snapshot?.body = ""
        guard let check, let text = event.signature, let key = event.publicKey else { return }
        let preimage = event.signingPreimage(dataHash: fingerprint.dataHash)
        signature = SignatureFinding(key: key, holds: check(preimage, text, key))
    }
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
