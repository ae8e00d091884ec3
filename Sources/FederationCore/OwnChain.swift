/// Signs checkpoints over the chain of our own events.
package struct OwnChain: Sendable {
    package var node: ULID
    package var sha256: SHA256
    package var sign: @Sendable ([UInt8]) -> EventSeal

    package init(node: ULID, sha256: @escaping SHA256, sign: @escaping @Sendable ([UInt8]) -> EventSeal) {
        self.node = node
        self.sha256 = sha256
        self.sign = sign
    }

    package init(_ writer: EventWriter) { self.init(node: writer.node, sha256: writer.sha256, sign: writer.sign) }

    /// Whether a checkpoint is due: at once after many events or some that were written together, after a few when we have
    /// written nothing for a while.
    static func isDue(unattested: UInt64, together: Int, quiet: Duration) -> Bool {
        unattested >= Limits.checkpointEvents || together >= Limits.checkpointTogether
            || unattested > 0 && quiet >= Limits.checkpointQuiet
    }

    /// Signs one checkpoint if one is due, over at most `Limits.checkpointLinks` events.
    ///
    /// Where two of our events have one number (a restored copy went on writing) nothing more is signed: a chain would
    /// have to deny one of them. Nor is anything signed past a number of ours that is missing since a short time: a chain
    /// without it would say that there is none, and the event may come back from whoever has it.
    ///
    /// - Parameters:
    ///   - together: how many of our events were written in this transaction.
    ///   - quiet: since our last event.
    /// - Returns: whether there is more to sign at once.
    @discardableResult
    package func signIfDue(
        together: Int = 0, quiet: Duration, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) -> Bool {
        // Every write asks, and what is due is seen before anything else is read.
        let tip = try Chain.tip(of: node, sha256, in: log)
        guard let highest = try log.highestNumber(of: node.description), highest > tip.number,
            OwnChain.isDue(unattested: highest - tip.number, together: together, quiet: quiet)
        else { return false }
        let end = try firstLost(now: now, in: log)
        guard let reached = try extended(tip, below: end, in: log), try attest(reached, now: now, in: &log) else {
            return false
        }
        return reached.number < min(highest, end - 1)
    }

    /// How long ago our last event was, where a checkpoint is due now.
    package func quiet(now: WallTime, in log: some LogReading) throws(StoreFailure) -> Duration? {
        guard let highest = try log.highestNumber(of: node.description) else { return nil }
        let attested = try log.lastCheckpoint(of: node, through: Limits.counter - 1)?.number ?? 0
        guard highest > attested, let last = try log.events(of: node, number: highest).last else { return nil }
        let quiet = max(.zero, now.since(last.time))
        return OwnChain.isDue(unattested: highest - attested, together: 0, quiet: quiet) ? quiet : nil
    }

    /// Names the key that signs from now on, after everything that is here: its change of key, and its first checkpoint.
    ///
    /// - Parameter next: signs with the new key.
    /// - Returns: `nil` where the chain does not reach our last event, because two of ours have one number.
    package func succeed(
        by next: @escaping @Sendable ([UInt8]) -> EventSeal, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) -> Attestation? {
        var tip = try Chain.tip(of: node, sha256, in: log)
        let highest = try log.highestNumber(of: node.description) ?? 0
        while tip.number < highest {
            guard let reached = try extended(tip, in: log), try attest(reached, now: now, in: &log) else { return nil }
            tip = reached
        }
        guard let old = PublicKey(sign([]).publicKey), let new = PublicKey(next([]).publicKey) else { return nil }
        let preimage = Attestation.successionPreimage(of: node, at: tip, from: old, to: new)
        let succession = Attestation(
            kind: .succession(next: new, acceptance: next(preimage).signature), origin: node, number: tip.number,
            head: tip.head, key: old, signature: sign(preimage).signature)
        try log.keep(succession, fits: true, at: now)
        var successor = self
        successor.sign = next
        return try successor.attest(tip, now: now, in: &log) ? succession : nil
    }

    /// - Returns: `false` where our key is none that attestations can name.
    func attest(_ tip: ChainTip, now: WallTime, in log: inout some LogWriting) throws(StoreFailure) -> Bool {
        let seal = sign(Attestation.checkpointPreimage(of: node, at: tip))
        guard let key = PublicKey(seal.publicKey) else { return false }
        let checkpoint = Attestation(
            kind: .checkpoint, origin: node, number: tip.number, head: tip.head, key: key, signature: seal.signature)
        try log.keep(checkpoint, fits: true, at: now)
        return true
    }

    /// The first of our numbers that is missing and not yet given up.
    private func firstLost(now: WallTime, in log: some LogReading) throws(StoreFailure) -> UInt64 {
        let holes = try log.holes(of: node.description, limit: Limits.pageEvents)
        return holes.filter { now.since($0.since) < Limits.ownHolePatience }.map(\.first).min() ?? .max
    }

    /// The chain some events further; `nil` where it cannot go on.
    ///
    /// - Parameter end: it stays below this number.
    func extended(
        _ tip: ChainTip, below end: UInt64 = .max, in log: some LogReading
    ) throws(StoreFailure) -> ChainTip? {
        let links = try log.chainLinks(
            of: node, after: tip.number, through: Limits.counter - 1, limit: Limits.checkpointLinks + 1)
        var reached = tip
        for (index, link) in links.enumerated() where index < Limits.checkpointLinks {
            let isTwice = index + 1 < links.count && links[index + 1].number == link.number
            guard !isTwice, link.number < end, let next = Chain.extended(reached, by: link, sha256) else { break }
            reached = next
        }
        return reached.number > tip.number ? reached : nil
    }
}
