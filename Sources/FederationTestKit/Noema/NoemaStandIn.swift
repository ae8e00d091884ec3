internal import FederationCore
internal import FederationCrypto

/// A stock Noema node as a value: its database, its files, its server and its syncer, without a socket or a clock.
///
/// It does what the specification says that Noema does, its known bugs included. Where the two lines differ, its
/// `NoemaRules` decide. What it cannot do, because the specification gives no words for it, is listed in
/// `docs/noema-facts.md`.
package struct NoemaStandIn: Sendable {
    package private(set) var settings: NoemaSettings
    /// `cortex_id`.
    package let id: String

    package internal(set) var log = NoemaLog()
    package internal(set) var traces: [String: NoemaTrace] = [:]
    /// `federation_state["vclock"]`.
    package internal(set) var clock = NoemaClock()
    /// The other keys of `federation_state` (Noema section 4).
    package internal(set) var state: [String: String] = [:]

    var files: [NoemaFile: String] = [:]
    // What a restart forgets:
    var polls: [String: NoemaPoll] = [:]
    var schedule: [String: NoemaSchedule] = [:]
    var sessions: Set<String> = []
    var mint: NoemaMint
    var random: SeededRandom
    private(set) var key: SigningKey?

    package init(_ settings: NoemaSettings) {
        self.settings = settings
        id = settings.id.description
        mint = NoemaMint(settings.rules)
        random = SeededRandom(seed: settings.seed)
        key = settings.signingSeed.flatMap { try? SigningKey(seed: $0) }
    }

    var rules: NoemaRules { settings.rules }

    package var events: [NoemaEvent] { log.events }

    /// `ed25519:` and base64, if it signs.
    package var publicKey: String? { key?.publicKey.description }

    /// The text of a trace, as its file holds it; `nil` where the file is gone.
    package func body(of traceID: String) -> String? {
        traces[traceID].flatMap { files[NoemaFile(folder: $0.folder, traceID: traceID)] }
    }

    /// Traces whose row and file no longer agree (section 10.2, 1 and 2).
    package var tornTraces: [String] {
        traces.values.filter { trace in
            trace.purgedAt.isEmpty && body(of: trace.id).map(hash(of:)) != trace.contentHash
        }.map(\.id).sorted(by: isBefore)
    }

    /// Divergences that nobody has resolved, in order of id.
    package var openDivergences: [NoemaTrace] {
        traces.values.filter { $0.type == TraceType.divergence.rawValue && !$0.isTrashed }
            .sorted { isBefore($0.id, $1.id) }
    }

    /// Puts an event into the log as if it had always been there, in the place of one of the same id. Nothing is
    /// replayed: this is how a test makes a peer serve what no honest one would.
    package mutating func plant(_ event: NoemaEvent) { log.plant(event) }

    /// The process ends and starts again, perhaps with other settings (of the same node): polls under way, back-off,
    /// sessions and the last id are gone.
    package mutating func restart(with settings: NoemaSettings? = nil) {
        if let settings {
            self.settings = settings
            key = settings.signingSeed.flatMap { try? SigningKey(seed: $0) }
        }
        polls = [:]
        schedule = [:]
        sessions = []
        mint = NoemaMint(rules)
    }

    /// `reset-peer` (section 6): pin, cursor, last contact, key and clock entry go; health and the log stay.
    package mutating func forget(_ peer: String, keyAlone: Bool = false) {
        let pinned = state["peer:\(peer):cortex_id"]
        if let pinned { state["cortexkey:\(pinned)"] = nil }
        guard !keyAlone else { return }
        if let pinned { clock = NoemaClock(clock.counters.filter { $0.key != pinned }) }
        for what in ["cortex_id", "last_event", "last_seen"] { state["peer:\(peer):\(what)"] = nil }
    }

    func hash(of body: String) -> String { Snapshot.contentHash(of: body, sha256) }
}
