internal import FederationConfig
internal import FederationCore
internal import FederationStore

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
                        if let endpoint = peer.entry.endpoint { $0.member("endpoint", endpoint.url) }
                        $0.member("mode", peer.entry.mode.rawValue)
                        $0.member("wire", peer.wire ?? peer.entry.wire.text)
                        if let id = peer.pin ?? (peer.entry.comesToUs ? peer.entry.id?.description : nil) { $0.member("id", id) }
                        if let key = peer.key { key.write(to: &$0) }
                        PairingReport(standing: peer.standing, pairing: peer.pairing).write(to: &$0)
                    }
                }
            }
        }
    }

    func sync(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let names = try known(arguments)
        let reports = try await node.sync(names)
        return jsonObject { writer in
            if node.isRehearsal { writer.member("dry_run", true) }
            writer.key("peers")
            writer.array { writer in
                for report in reports { writer.object { pollMembers(report, &$0) } }
                for entry in node.config.peers where entry.comesToUs && names.contains(entry.name) {
                    writer.object {
                        $0.member("name", entry.name)
                        $0.member("ok", true)
                        $0.member("comes_to_us", true)
                    }
                }
            }
        }
    }

    func resetPeer(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let names = (arguments["peers"]?.array ?? []).compactMap(\.string)
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let scope: PeerResetPlan.Scope = arguments["key_rotated"]?.bool ?? false ? .keyAlone : .everything
        let plan = try await node.reset(names, scope: scope, dryRun: isDryRun)
        return jsonObject { writer in
            writer.member("dry_run", isDryRun)
            writer.member("buckets_dropped", plan.droppedClockEntries)
            writer.member("nothing", plan.isEmpty)
            writer.key("peers")
            writer.array { writer in for reset in plan.resets { writer.object { resetMembers(reset, scope, &$0) } } }
        }
    }

    /// Forgets what is known of a peer that is configured no more.
    func forgetPeer(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let name = try arguments.required("peer")
        let isDryRun = arguments["dry_run"]?.bool ?? false
        guard isDryRun || !node.config.peers.contains(where: { $0.name == name }) else {
            throw CommandFailure(.peerExists, ["peer": name])
        }
        let remains: PeerRemains
        do throws(StoreFailure) {
            remains = isDryRun
                ? try await node.store.read { (log) throws(StoreFailure) in try PeerRemains(of: name, in: log) }
                : try await node.store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                    let remains = try PeerRemains(of: name, in: log)
                    try remains.forget(in: &log)
                    return remains
                }
        } catch {
            throw CommandFailure(error)
        }
        return jsonObject { $0.member("forgotten", remains.count) }
    }

    /// Takes in the configuration file now, and says what that changed.
    func reload(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        guard let reloader else { throw CommandFailure(.noDaemon, ["directory": node.opened.directory.path]) }
        if arguments["dry_run"]?.bool ?? false { return await reloader.rehearse().json(isDryRun: true) }
        return await reloader.reload().json()
    }

    /// The peers that are named, each of which must be configured, or all.
    func known(_ arguments: JSON) throws(CommandFailure) -> [String] {
        let configured = node.config.peers.map(\.name)
        let asked = (arguments["peers"]?.array ?? []).compactMap(\.string)
        for name in asked where !configured.contains(name) {
            throw CommandFailure(.unknownPeer, ["peer": name], list: configured)
        }
        return asked.isEmpty ? configured : asked
    }

    private func pollMembers(_ report: PollReport, _ writer: inout JSONWriter) {
        writer.member("name", report.peer)
        switch report.result {
        case .complete, .incomplete: writer.member("ok", true)
        case .paused:
            writer.member("ok", true)
            writer.member("paused", true)
        case .pending:
            writer.member("ok", false)
            writer.member("pending", true)
        case .busy:
            writer.member("ok", false)
            writer.member("busy", true)
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

    private func resetMembers(_ reset: PeerReset, _ scope: PeerResetPlan.Scope, _ writer: inout JSONWriter) {
        writer.member("name", reset.peer)
        writer.member("nothing", scope == .keyAlone ? !reset.forgetsKey : reset.isEmpty)
        writer.member("key", reset.forgetsKey ? "pinned" : "")
        guard scope == .everything else { return }
        writer.member("cortex_id", reset.pin?.description ?? "")
        writer.member("last_event", reset.cursor?.description ?? "")
        writer.member("last_seen", reset.lastSeen ?? "")
        writer.member("position", reset.position ?? "")
        writer.member("bucket_dropped", reset.dropsClockEntry)
    }
}
