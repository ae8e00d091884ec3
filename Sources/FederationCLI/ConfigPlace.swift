import Glibc

/// Where a node's files are when nobody names them.
enum ConfigPlace {
    static let fileName = "federation.yaml"
    static let system = "/etc/federation"
    static let systemData = "/var/lib/federation"

    /// The configuration that a command means: in the working directory, or else what systemd, the user's directories or
    /// `/etc` hold, the first that is there. Where there is none, the one in the working directory, which is then missed.
    static func found() -> String {
        let places = [configured, user.map { $0.config + "/" + fileName }, system + "/" + fileName].compactMap { $0 }
        // One that this account may not look at is meant before one that is not there: else a command would offer to make a
        // second node. The working directory may be anybody's.
        return ([fileName] + places).first { access($0, F_OK) == 0 } ?? places.first { isHidden($0) } ?? fileName
    }

    private static func isHidden(_ path: String) -> Bool { access(path, F_OK) != 0 && errno == EACCES }

    /// What `ConfigurationDirectory=` of a systemd unit gives; the first one counts.
    private static var configured: String? { first("CONFIGURATION_DIRECTORY").map { $0 + "/" + fileName } }

    /// What `StateDirectory=` of a systemd unit gives, or else where the packaged unit has it.
    static var stateDirectory: String { first("STATE_DIRECTORY") ?? systemData }

    /// A user's own node, as the XDG Base Directory Specification has it; `nil` without a home.
    static var user: (config: String, data: String)? {
        let home = absolute("HOME")
        guard let config = absolute("XDG_CONFIG_HOME") ?? home.map({ $0 + "/.config" }),
            let state = absolute("XDG_STATE_HOME") ?? home.map({ $0 + "/.local/state" })
        else { return nil }
        return (config + "/federation", state + "/federation")
    }

    /// The name of this machine, up to its first dot.
    static var hostName: String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return nil }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.split(separator: ".").first.map(String.init)
    }

    /// The specification has what is no absolute path passed over.
    private static func absolute(_ variable: String) -> String? {
        guard let value = getenv(variable).map({ String(cString: $0) }), value.hasPrefix("/") else { return nil }
        return value.count > 1 && value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    private static func first(_ variable: String) -> String? {
        absolute(variable)?.split(separator: ":").first.map(String.init)
    }
}
