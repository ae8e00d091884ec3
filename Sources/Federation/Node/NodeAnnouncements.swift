internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// Nodes that others have suggested.
extension Node {
    /// Keeps a suggestion for a person to look at. It is looked at first, so that what changes nothing costs no write.
    func keep(_ announcement: Announcement) async throws(StoreFailure) {
        let isNews = try await store.read { (log) throws(StoreFailure) in
            var known = Announcements(json: try log.state(StateKey.announced) ?? "")
            return known.take(announcement)
        }
        guard isNews, !config.peers.contains(where: { $0.endpoint?.url == announcement.endpoint }) else { return }
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            var known = Announcements(json: try log.state(StateKey.announced) ?? "")
            guard known.take(announcement) else { return }
            try log.setState(StateKey.announced, known.json)
        }
        logger.info(
            "a node was suggested; nothing asks it",
            [
                "name": announcement.name, "endpoint": announcement.endpoint, "by": announcement.by,
                "command": "federation preview --announced \(announcement.name)",
            ])
    }
}

/// A suggestion as `status` shows it.
struct AnnouncementReport: Sendable {
    var announcement: Announcement
    /// Why its address may not be asked, where that is known without looking it up.
    var refused: AddressKind?

    /// Those of nodes that are not peers yet.
    static func all(of config: Config, in log: any LogReading) throws(StoreFailure) -> [AnnouncementReport] {
        let known = Announcements(json: try log.state(StateKey.announced) ?? "")
        let guarding = AddressGuard(config)
        return known.kept.reversed().compactMap { each in
            guard !config.peers.contains(where: { $0.endpoint?.url == each.endpoint }), let url = try? AnnouncedURL(each.endpoint)
            else { return nil }
            var report = AnnouncementReport(announcement: each)
            if case .address(let address) = url.host, case .refused(let kind) = guarding.verdict(on: address) {
                report.refused = kind
            }
            return report
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.member("name", announcement.name)
            $0.member("endpoint", announcement.endpoint)
            $0.member("by", announcement.by)
            $0.member("at", announcement.at.rfc3339)
            if let refused { $0.member("refused_address", refused.rawValue) }
        }
    }
}

extension AddressGuard {
    /// What the configuration lets in beside what is anybody's.
    init(_ config: Config) { self.init(allowed: config.access.announcedAllow) }
}
