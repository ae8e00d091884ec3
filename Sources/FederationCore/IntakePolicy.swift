/// How well the origin of an event is proved, by other means than the keys that the log knows.
package typealias OriginCheck = @Sendable (Event, EventFingerprint) throws(EventRefusal) -> Verification

/// Whether a signature over these bytes is by one of this node's own keys, past or present.
package typealias OwnSignatureCheck = @Sendable (_ preimage: [UInt8], _ signature: String) -> Bool

/// What taking events in depends on beside the events themselves.
package struct IntakePolicy: Sendable {
    /// Our own identity.
    package var node: ULID
    package var sha256: SHA256
    package var isOwnSignature: OwnSignatureCheck
    /// By which every event of another origin is judged, once its shape is right …
    package var signatures: SignaturePolicy
    /// … unless this is asked in its place: for tests of what rests on the proof alone.
    package var originCheck: OriginCheck?
    /// The host application's replayer, if it has one. Records are made either way.
    package var replayer: (any EventReplayer)?
    /// How often the replayer is asked to apply one event before the event is held; at least once.
    package var replayAttempts: Int
    /// Taking back our own events after a restore: meeting one that we lack is what is wanted, and stops nothing.
    package var recoversOwnEvents: Bool
    /// An event whose id is of a time to come waits for that time, unless this node has signed it. Not so what was in the log
    /// of a database that is made anew: our clock of today may be the wrong one.
    package var defersFuture = true

    package init(
        node: ULID, sha256: @escaping SHA256, isOwnSignature: @escaping OwnSignatureCheck,
        signatures: SignaturePolicy = .off, originCheck: OriginCheck? = nil, replayer: (any EventReplayer)? = nil,
        replayAttempts: Int = 3, recoversOwnEvents: Bool = false
    ) {
        self.node = node
        self.sha256 = sha256
        self.isOwnSignature = isOwnSignature
        self.signatures = signatures
        self.originCheck = originCheck
        self.replayer = replayer
        self.replayAttempts = replayAttempts
        self.recoversOwnEvents = recoversOwnEvents
    }
}
