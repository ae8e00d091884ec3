internal import FederationConfig
internal import FederationCore

/// What the sessions with one peer came to, since its entry was last reset.
struct MeshStatistics: Hashable, Sendable {
    /// Sessions that began, and those that came to their end.
    var sessions: UInt64 = 0
    var completed: UInt64 = 0
    /// Documents that only this side had and only the other had, session by session.
    var have: UInt64 = 0
    var need: UInt64 = 0
    /// Documents that were fetched.
    var fetched: UInt64 = 0
    /// Answers of the other side, of reconciliation alone.
    var rounds: UInt64 = 0
    /// Bytes of messages and documents, each way.
    var bytesSent: UInt64 = 0
    var bytesReceived: UInt64 = 0

    /// The name under which a peer's are kept among the wire's own values.
    static let valueName = "statistics"

    init() {}

    /// Reads what `json` wrote; anything else counts from zero.
    init(json bytes: [UInt8]) {
        guard let json = try? JSON(bytes) else { return }
        func value(_ name: String) -> UInt64 { json[name]?.unsigned ?? 0 }
        sessions = value("sessions")
        completed = value("completed")
        have = value("have")
        need = value("need")
        fetched = value("fetched")
        rounds = value("rounds")
        bytesSent = value("bytes_sent")
        bytesReceived = value("bytes_received")
    }

    /// Of a peer that is spoken to by this wire.
    init?(of entry: Config.Peer, in log: any LogReading) throws(StoreFailure) {
        guard entry.wire == .only(.mesh) else { return nil }
        let stored = try log.wireValue(WireName.mesh.rawValue, peer: entry.name, key: MeshStatistics.valueName)
        self.init(json: stored ?? [])
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("sessions", sessions)
            writer.member("completed", completed)
            writer.member("have", have)
            writer.member("need", need)
            writer.member("fetched", fetched)
            writer.member("rounds", rounds)
            writer.member("bytes_sent", bytesSent)
            writer.member("bytes_received", bytesReceived)
        }
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }
}

extension UInt64 {
    /// Counts on; a sum that was stored by others may be anything.
    mutating func count(_ number: Int) { self = addingReportingOverflow(UInt64(clamping: number)).partialValue }
}
