import FederationCore

/// The units that run a node under systemd: what `service print` prints and what the Debian package installs.
struct ServiceUnit {
    /// Who runs it.
    enum Manager: Hashable { case system(user: String), user }

    var program: String
    /// `nil` for the one in the directory of whichever user's manager reads the unit.
    var config: String?
    var data: String
    var manager: Manager

    /// What `systemctl` names it.
    static let name = "federation.service"

    var service: String {
        """
        [Unit]
        Description=federation: keeps independent event logs in step
        Documentation=man:federation(1)
        \(isSystem ? "Wants=network-online.target\nAfter=network-online.target\n" : "")\
        ConditionPathExists=\(config.map(ServiceUnit.plain) ?? ServiceUnit.ownConfig)

        [Service]
        Type=notify
        ExecStart=\(command("run"))
        # Waits until the configuration is taken in, and fails where it has problems.
        ExecReload=\(command("reload"))
        Restart=on-failure
        RestartSec=2s
        # A configuration with problems and a database that is a copy are for a person to mend.
        RestartPreventExitStatus=2 3 5
        # Fed only while the database is written, peers are polled and commands are answered.
        WatchdogSec=3min
        TimeoutStopSec=75s
        UMask=0077
        \(places)

        \(hardening)

        [Install]
        WantedBy=\(isSystem ? "multi-user.target" : "default.target")
        """
    }

    /// The unit of one listener, which systemd then opens in the node's place.
    static func socket(_ use: SocketHandover.Use, listen: String) -> String {
        """
        [Unit]
        Description=federation: where it listens (\(use.rawValue))
        Documentation=man:federation(1)

        [Socket]
        ListenStream=\(listen)
        BindIPv6Only=ipv6-only
        FileDescriptorName=\(use.rawValue)
        Service=\(name)

        [Install]
        WantedBy=sockets.target
        """
    }

    /// `$XDG_CONFIG_HOME`, as systemd finds it.
    private static let ownConfig = "%E/federation/federation.yaml"

    private var isSystem: Bool { manager != .user }

    private func command(_ verb: String) -> String {
        "\(ServiceUnit.quoted(ServiceUnit.plain(program))) \(verb) --config \(config.map(ServiceUnit.argument) ?? ServiceUnit.ownConfig)"
    }

    /// Who it is, and where it may write: the data directory alone.
    private var places: String {
        guard case .system(let user) = manager else { return "Slice=background.slice" }
        var lines = ["User=\(user)"]
        if config?.hasPrefix("/etc/federation/") ?? false { lines.append("ConfigurationDirectory=federation") }
        if let state = under("/var/lib/", data) {
            lines += ["StateDirectory=\(ServiceUnit.quoted(ServiceUnit.plain(state)))", "StateDirectoryMode=0700"]
        } else {
            lines.append("ReadWritePaths=\(ServiceUnit.quoted(ServiceUnit.plain(data)))")
        }
        let isAtHome = [config ?? "", data, program].contains { $0.hasPrefix("/home/") || $0.hasPrefix("/root/") }
        lines.append("ProtectHome=\(isAtHome ? "read-only" : "yes")")
        return lines.joined(separator: "\n")
    }

    private func under(_ directory: String, _ path: String) -> String? {
        path.hasPrefix(directory) && path.count > directory.count ? String(path.dropFirst(directory.count)) : nil
    }

    /// What needs no privilege, and so holds for a user's own manager too.
    private static let forEverybody = """
        NoNewPrivileges=yes
        LockPersonality=yes
        MemoryDenyWriteExecute=yes
        RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged @resources
        SystemCallErrorNumber=EPERM
        """

    private static let forTheSystem = """
        AmbientCapabilities=
        CapabilityBoundingSet=
        DevicePolicy=closed
        PrivateDevices=yes
        PrivateMounts=yes
        PrivateTmp=yes
        PrivateUsers=yes
        ProcSubset=pid
        ProtectClock=yes
        ProtectControlGroups=yes
        ProtectHostname=yes
        ProtectKernelLogs=yes
        ProtectKernelModules=yes
        ProtectKernelTunables=yes
        ProtectProc=invisible
        ProtectSystem=strict
        RemoveIPC=yes
        """

    private var hardening: String {
        isSystem ? ServiceUnit.forTheSystem + "\n" + ServiceUnit.forEverybody : ServiceUnit.forEverybody
    }

    // MARK: As systemd reads it

    /// Whether systemd can be told of these paths at all; it runs no program whose path has quotes in it.
    var canBeTold: Bool {
        [program, config ?? "", data].joined().unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            && !program.contains { "\"'\\".contains($0) }
    }

    /// Without specifiers.
    private static func plain(_ text: String) -> String { text.replacing("%", with: "%%") }

    /// One word of a list.
    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { " \"'\\;".contains($0) }) else { return text }
        return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// One argument of a command, in which variables are not looked for.
    private static func argument(_ text: String) -> String { quoted(plain(text).replacing("$", with: "$$")) }
}
