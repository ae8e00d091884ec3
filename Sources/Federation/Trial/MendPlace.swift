internal import FederationConfig
internal import FederationCore

/// Writes what mends a fault, with the place in the configuration that a line of it belongs to.
struct MendPlace: Sendable {
    /// Of the peer's entry, as this node runs; `nil` for one that is not configured.
    private var running: Int?
    /// The same in the file, which may say another thing by now.
    private var written: Int?
    private var file: ConfigFile?

    /// Where there is no file to name a place in.
    init() {}

    /// - Parameters:
    ///   - peer: whose entry is meant; `nil` for nobody's.
    ///   - config: what runs.
    ///   - file: as it is now: peers come and go while a node runs. `nil` where it cannot be read.
    init(of peer: String?, in config: Config, file: ConfigFile?) {
        running = config.peers.firstIndex { $0.name == peer }
        written = file?.config.peers.firstIndex { $0.name == peer }
        self.file = file
    }

    func write(_ mends: [TrialMend], to writer: inout JSONWriter) {
        writer.key("mends")
        writer.array { writer in for mend in mends { writer.object { members(mend, &$0) } } }
    }

    private func members(_ mend: TrialMend, _ writer: inout JSONWriter) {
        switch mend {
        case .command(let words):
            writer.member("kind", "command")
            writer.member("command", (["federation"] + words).joined(separator: " "))
        case .commandThere(let words):
            writer.member("kind", "command_there")
            writer.member("command", (["federation"] + words).joined(separator: " "))
        case .peerSetting(let key, let value):
            let entry = (written ?? running).map { "peers[\($0)].\(key)" } ?? key
            setting(entry, written.map { [.key("peers"), .index($0), .key(key)] }, "\(key): \(value)", &writer)
        case .setting(let key, let value):
            let parts = key.split(separator: ".").map { String($0) }
            setting(key, ConfigPath(parts.map { .key($0) }), MendPlace.yaml(parts, value), &writer)
        case .settingThere(let key, let value):
            writer.member("kind", "setting_there")
            writer.member("line", MendPlace.yaml(key.split(separator: ".").map { String($0) }, value))
        case .upgrade: writer.member("kind", "upgrade")
        case .upgradeThere: writer.member("kind", "upgrade_there")
        case .wait: writer.member("kind", "wait")
        case .ifConfirmed(let mend):
            members(mend, &writer)
            writer.member("if_confirmed", true)
        }
    }

    private func setting(_ key: String, _ path: ConfigPath?, _ line: String, _ writer: inout JSONWriter) {
        writer.member("kind", "setting")
        writer.member("key", key)
        writer.member("line", line)
        if let file, let path { writer.member("place", "\(file.path):\(file.decoded.mark(of: path))") }
    }

    /// `access: {shared_key_file: FILE}`
    private static func yaml(_ parts: [String], _ value: String) -> String {
        guard parts.count > 1 else { return "\(parts.first ?? ""): \(value)" }
        return "\(parts[0]): {\(parts.dropFirst().joined(separator: ".")): \(value)}"
    }
}

extension OpenedNode {
    /// The configuration file as it is now; `nil` where it cannot be taken.
    var fileNow: ConfigFile? { try? ConfigFile.load(file.path) }
}
