internal import FederationConfig
internal import FederationCore

/// The ring: how each peer is, polling now, forgetting one.
extension CommandService {
    func status() async throws(CommandFailure) -> [UInt8] {
        do { return try await node.statusReport().json } catch { throw CommandFailure(error) }
    }

    func peers() async throws(CommandFailure) -> [UInt8] {
        let report: StatusReport
        do { report = try await node.statusReport() } catch { throw CommandFailure(error) }
        return jsonObject { writer in
            writer.key("peers")
            writer.array { writer in
                for peer in report.peers {
                    writer.object {
                        $0.member("name", peer.entry.name)
                        $0.member("endpoint", peer.entry.endpoint.url)
                        $0.member("mode", peer.entry.mode.rawValue)
                        $0.member("wire", peer.wire ?? peer.entry.wire.text)
                        if let pin = peer.pin { $0.member("id", pin) }
                    }
                }
            }
        }
    }

    func sync(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let names = try known(arguments, orAll: true)
        let reports = try await node.sync(names)
        return jsonObject { writer in
            writer.key("peers")
            writer.array { writer in for report in reports { writer.object { pollMembers(report, &$0) } } }
        }
    }

    func resetPeer(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let names = try known(arguments, orAll: false)
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let keyOnly = arguments["key_rotated"]?.bool ?? false
        let resets = try await node.reset(names, keyOnly: keyOnly, dryRun: isDryRun)
        return jsonObject { writer in
            writer.member("dry_run", isDryRun)
            writer.member("buckets_dropped", resets.count { $0.dropsClockEntry })
            writer.key("peers")
            writer.array { writer in for reset in resets { writer.object { resetMembers(reset, &$0) } } }
        }
    }

    /// The peers that are named, each of which must be configured, or nothing is done.
    private func known(_ arguments: JSON, orAll: Bool) throws(CommandFailure) -> [String] {
        let configured = node.config.peers.map(\.name)
        let asked = (arguments["peers"]?.array ?? []).compactMap(\.string)
        for name in asked where !configured.contains(name) {
            throw CommandFailure(.unknownPeer, ["peer": name], list: configured)
        }
        if asked.isEmpty, orAll { return configured }
        return asked
    }

    private func pollMembers(_ report: PollReport, _ writer: inout JSONWriter) {
        writer.member("name", report.peer)
        switch report.result {
        case .complete, .incomplete: writer.member("ok", true)
        case .paused:
            writer.member("ok", true)
            writer.member("paused", true)
        case .stopped:
            writer.member("ok", false)
            writer.member("reason", Reason.other.rawValue)
        case .failed(let failure):
            writer.member("ok", false)
            writer.member("reason", failure.reason.rawValue)
        }
        if let wire = report.wire { writer.member("wire", wire.rawValue) }
        writer.member("applied", report.outcome.applied)
        writer.member("duplicates", report.outcome.duplicates)
        writer.member("held", report.outcome.held)
        writer.member("refused", report.outcome.refused)
        writer.member("deferred", report.outcome.deferred)
        writer.member("pages", report.pages)
    }

    private func resetMembers(_ reset: PeerReset, _ writer: inout JSONWriter) {
        writer.member("name", reset.peer)
        writer.member("nothing", reset.isEmpty)
        writer.member("cortex_id", reset.pin?.description ?? "")
        writer.member("last_event", reset.cursor?.description ?? "")
        writer.member("last_seen", reset.lastSeen ?? "")
        writer.member("position", reset.position ?? "")
        writer.member("key", reset.forgetsKey ? "pinned" : "")
        writer.member("bucket_dropped", reset.dropsClockEntry)
    }
}
