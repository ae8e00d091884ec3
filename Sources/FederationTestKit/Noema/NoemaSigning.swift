internal import FederationCore
internal import FederationCrypto

/// Signing and verifying (Noema section 8), with the difference in `data` that the two lines have (8.3).
extension NoemaStandIn {
    /// Signs an event of our own, if we have a key.
    func signed(_ event: NoemaEvent) -> NoemaEvent {
        guard let key else { return event }
        var event = event
        event.publicKey = key.publicKey.description
        event.signature = key.sign(event.signingPreimage(rules)).description
        return event
    }

    /// Section 8.5. The first valid signature of a cortex pins its key, also where problems only warn.
    mutating func checkSignature(of event: NoemaEvent) throws(NoemaFailure) {
        guard settings.verify != .off else { return }
        do {
            try pinVerified(event)
        } catch {
            if settings.verify == .enforce { throw error }
        }
    }

    private mutating func pinVerified(_ event: NoemaEvent) throws(NoemaFailure) {
        let stateKey = "cortexkey:" + event.cortexID
        let isOwn = event.cortexID == id
        let pinned = isOwn ? publicKey : state[stateKey]
        if isOwn, pinned == nil { throw .noKey }
        if !isOwn, let pinned, !event.publicKey.isEmpty, !isSameKey(pinned, event.publicKey) { throw .keyChanged }
        guard let text = pinned ?? (event.publicKey.isEmpty ? nil : event.publicKey), let key = VerifyingKey(text)
        else { throw .noKey }
        guard !event.signature.isEmpty else { throw .unsigned }
        guard let signature = Signature(event.signature), key.verify(signature, of: event.signingPreimage(rules))
        else { throw .badSignature }
        if !isOwn, pinned == nil { state[stateKey] = text }
    }

    /// Section 7.5: what another cortex may not do to a trace that its source has locked.
    func checkSourceLock(of event: NoemaEvent) throws(NoemaFailure) {
        guard settings.verify == .enforce, let trace = traces[event.traceID], trace.isSourceLocked,
            trace.cortexID != event.cortexID
        else { return }
        switch NoemaAction(rawValue: event.action) {
        case .update, .trash, .purge: throw .sourceLocked
        case .tagUpdate where rules == .rust: throw .sourceLocked
        default: return
        }
    }

    /// Compares the key that a peer shows with the pinned ones (section 8.6).
    ///
    /// - Returns: whether the poll may go on.
    mutating func pinShownKey(_ shown: String, of cortexID: String, hardPin: String?) -> Bool {
        let stateKey = "cortexkey:" + cortexID
        if let hardPin {
            guard isSameKey(hardPin, shown) else { return false }
            state[stateKey] = hardPin
            return true
        }
        guard !shown.isEmpty else { return true }
        if let pinned = state[stateKey] { return isSameKey(pinned, shown) }
        state[stateKey] = shown
        return true
    }

    private func isSameKey(_ a: String, _ b: String) -> Bool {
        guard let a = VerifyingKey(a), let b = VerifyingKey(b) else { return false }
        return a == b
    }
}

extension NoemaEvent {
    /// The bytes that are signed (section 8.2). Written here a second time, from the specification, so that it checks
    /// Core's.
    func signingPreimage(_ rules: NoemaRules) -> [UInt8] {
        var bytes = Array("noema-event-sig-v1\n".utf8)
        func append(_ field: [UInt8], to bytes: inout [UInt8]) {
            bytes += bigEndian(UInt64(field.count)).suffix(4) + field
        }
        for text in [id, action, traceID, cortexID, origin, timestamp] { append(Array(text.utf8), to: &bytes) }
        var clockBytes: [UInt8] = []
        for (key, counter) in clock.sorted {
            append(Array(key.utf8), to: &clockBytes)
            clockBytes += bigEndian(counter)
        }
        append(clockBytes, to: &bytes)
        // Rust hashes what it would write itself; Go hashes what came.
        let hashed = rules == .rust ? rules.relayed(data) : data
        append(sha256(hashed.isEmpty ? Array("{}".utf8) : hashed).bytes, to: &bytes)
        return bytes
    }

    private func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }
}
