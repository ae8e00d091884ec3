internal import FederationConfig
internal import FederationCore

/// Writes what mends a fault, with the place in the configuration that a line of it belongs to.
struct MendPlace: Sendable {
    /// Of the peer's entry; `nil` for one that is not configured.
    var index: Int?
    var file: ConfigFile?

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
            let entry = index.map { "peers[\($0)].\(key)" } ?? key
            setting(entry, [.key("peers"), .index(index ?? 0), .key(key)], "\(key): \(value)", &writer)
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

    private func setting(_ key: String, _ path: ConfigPath, _ line: String, _ writer: inout JSONWriter) {
        writer.member("kind", "setting")
        writer.member("key", key)
        writer.member("line", line)
        if let file { writer.member("place", "\(file.path):\(file.decoded.mark(of: path))") }
    }

    /// `access: {shared_key_file: FILE}`
    private static func yaml(_ parts: [String], _ value: String) -> String {
        guard parts.count > 1 else { return "\(parts.first ?? ""): \(value)" }
        return "\(parts[0]): {\(parts.dropFirst().joined(separator: ".")): \(value)}"
    }
}
