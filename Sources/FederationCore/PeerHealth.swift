/// How a peer is, as `federation_state` keeps it under `peer:<name>:health` (Noema section 4).
///
/// Every member is left out when it is zero or empty. No free text of a peer is ever in it.
public struct PeerHealth: Hashable, Sendable {
    /// Why something failed, without a word of whoever failed.
    public struct LastError: Hashable, Sendable {
        public var reason: Reason
        public var eventID: String
        public var subject: String
        public var observedAt: String

        package init(reason: Reason, eventID: String = "", subject: String = "", observedAt: WallTime) {
            self.reason = reason
            self.eventID = eventID
            self.subject = subject
            self.observedAt = observedAt.rfc3339
        }

        init(reason: Reason, eventID: String, subject: String, observedAt: String) {
            self.reason = reason
            self.eventID = eventID
            self.subject = subject
            self.observedAt = observedAt
        }
    }

    public var version = ""
    public var versionObservedAt = ""
    /// The mode of its node, as it said when it was met last.
    package var mode: NodeMode?
    public var lastSuccess = ""
    public var consecutiveFailures = 0
    /// When the first of them was; empty where an older program counted it.
    package var failingSince = ""
    /// The last failure, or, after a success, why something this peer gave is still held or refused.
    public var lastError: LastError?
    /// Events this peer gave that are in the log and not applied, not in the log, and set aside until their time.
    public var held = 0
    public var refused = 0
    public var deferred = 0
    /// How far we were behind the peer when it last said so.
    package var lag: PeerLag?

    /// Nothing is known yet.
    public init() {}

    /// Reads a stored value; malformed text is an empty health.
    package init(json bytes: [UInt8]) {
        self.init()
        guard let json = try? JSON(bytes) else { return }
        version = json["version"]?.string ?? ""
        versionObservedAt = json["version_observed_at"]?.string ?? ""
        mode = json["mode"]?.string.flatMap { NodeMode(rawValue: $0) }
        lastSuccess = json["last_success"]?.string ?? ""
        consecutiveFailures = count(json["consecutive_failures"])
        failingSince = consecutiveFailures > 0 ? json["failing_since"]?.string ?? "" : ""
        held = count(json["held"])
        refused = count(json["refused"])
        deferred = count(json["deferred"])
        lag = PeerLag(json: json["lag"])
        if let error = json["last_error"], error.isObject {
            lastError = LastError(
                reason: Reason(stored: error["reason"]?.string ?? ""), eventID: error["event_id"]?.string ?? "",
                subject: error["trace_id"]?.string ?? "", observedAt: error["observed_at"]?.string ?? "")
        }
        func count(_ value: JSON?) -> Int { value?.integer.flatMap { Int(exactly: $0) }.map { Swift.max(0, $0) } ?? 0 }
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            if !version.isEmpty { writer.member("version", version) }
            if !versionObservedAt.isEmpty { writer.member("version_observed_at", versionObservedAt) }
            if let mode { writer.member("mode", mode.rawValue) }
            if !lastSuccess.isEmpty { writer.member("last_success", lastSuccess) }
            if consecutiveFailures > 0 { writer.member("consecutive_failures", consecutiveFailures) }
            if !failingSince.isEmpty { writer.member("failing_since", failingSince) }
            if let lastError {
                writer.key("last_error")
                writer.object {
                    $0.member("reason", lastError.reason.rawValue)
                    if !lastError.eventID.isEmpty { $0.member("event_id", lastError.eventID) }
                    if !lastError.subject.isEmpty { $0.member("trace_id", lastError.subject) }
                    $0.member("observed_at", lastError.observedAt)
                }
            }
            if held > 0 { writer.member("held", held) }
            if refused > 0 { writer.member("refused", refused) }
            if deferred > 0 { writer.member("deferred", deferred) }
            if let lag {
                writer.key("lag")
                lag.write(to: &writer)
            }
        }
        return writer.bytes
    }

    /// A peer's version as it is kept: at most 64 printable ASCII characters, else `?`.
    package static func safeVersion(_ text: String) -> String {
        let bytes = text.utf8
        return bytes.count <= Limits.versionLength && bytes.allSatisfy { (0x20...0x7E).contains($0) } ? text : "?"
    }
}
