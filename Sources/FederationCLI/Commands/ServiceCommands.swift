import Federation
import FederationConfig
import FederationCore
import Glibc

let servicePrintCommand = CommandDefinition(
    name: "service print", summary: "print the systemd unit that runs this node",
    details: """
        With the paths of this program, of the configuration and of its data directory. It goes to
        /etc/systemd/system/federation.service, with --user to ~/.config/systemd/user/federation.service. With --socket
        the unit of one listener is printed, which systemd then opens: peers, tls, monitor or page.
        """,
    options: [
        .init("--user", "for a user's own service manager"),
        .init("--socket", value: "NAME", "the unit of a listener instead: peers, tls, monitor or page"),
        .init("--program", value: "FILE", "where the program will be, if not where this one is"),
    ],
    printsFacts: false,
    examples: [
        ("federation service print > /etc/systemd/system/federation.service", "then systemctl enable --now federation"),
        ("federation service print --socket peers > /etc/systemd/system/federation-peers.socket", "let systemd listen"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let isUsers = arguments.has("--user")
    let config = ServiceFiles.config(arguments, isUsers: isUsers)
    let file = try? ConfigFile.load(config)
    if let name = arguments.value("--socket") {
        guard let use = SocketHandover.Use(rawValue: name) else {
            return session.usage("no listener '\(name.escapedForTerminal)'", hint: "peers, tls, monitor or page")
        }
        guard let file else {
            return session.usage("'\(config.escapedForTerminal)' says nothing of where to listen", hint: "see 'federation check'")
        }
        guard let listen = ServiceFiles.listen(use, file.config) else {
            return session.usage("the configuration does not listen for \(name)", hint: "say where: \(ServiceFiles.key(use))")
        }
        console.print(ServiceUnit.socket(use, listen: listen.description))
        return .ok
    }
    let data = ServiceFiles.absolute(file?.dataDirectory ?? (isUsers ? ConfigPlace.user?.data : nil) ?? ConfigPlace.systemData)
    let unit = ServiceUnit(
        program: arguments.value("--program").map(ServiceFiles.absolute) ?? ServiceFiles.program,
        config: isUsers && arguments.value("--config") == nil ? nil : config, data: data,
        manager: isUsers ? .user : .system(user: ServiceFiles.owner(of: data) ?? "federation"))
    guard unit.canBeTold else {
        return session.usage("systemd cannot be told of a path with control characters, nor run one with quotes")
    }
    console.print(unit.service)
    return .ok
}

/// Where the files are that a unit names.
private enum ServiceFiles {
    /// This program, as it is started: not a name of it that goes with the next upgrade.
    static var program: String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { room in
            room.baseAddress.map { readlink("/proc/self/exe", $0, room.count) } ?? 0
        }
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : "/usr/bin/federation"
    }

    /// The one that is named, or else where the service manager would look; never the working directory's.
    static func config(_ arguments: ParsedArguments, isUsers: Bool) -> String {
        if let named = arguments.value("--config") { return absolute(named) }
        let directory = isUsers ? ConfigPlace.user?.config : nil
        return (directory ?? ConfigPlace.system) + "/" + ConfigPlace.fileName
    }

    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }

    /// Whose the data directory is; `nil` where there is none, or it is root's.
    static func owner(of directory: String) -> String? {
        var status = stat()
        guard stat(directory, &status) == 0, status.st_uid != 0, let entry = getpwuid(status.st_uid) else { return nil }
        return String(cString: entry.pointee.pw_name)
    }

    static func listen(_ use: SocketHandover.Use, _ config: Config) -> ListenAddress? {
        switch use {
        case .peers: config.listen
        case .tls: config.tls.listen
        case .monitor: config.monitor.listen
        case .page: config.page.listen
        }
    }

    static func key(_ use: SocketHandover.Use) -> String {
        switch use {
        case .peers: "listen"
        case .tls: "tls.listen"
        case .monitor: "monitor.listen"
        case .page: "page.listen"
        }
    }
}
