import Federation
import FederationCore
import Glibc

let supportCommand = CommandDefinition(
    name: "support", summary: "write one file with all that somebody needs to help",
    details: """
        Its parts are listed by --dry-run, and nothing else is in it: no record's text, title or id, no event, no key and no
        token. It is JSON with a member on each line: read it before you send it. What cannot be read is named in it, so it
        works beside a running daemon, without one, and with a damaged database.
        """,
    options: [
        .init("--output", value: "FILE", "where it is written; - for standard output (default: a new file here)"),
        .init("--hide-names", "put others in the place of names of nodes, of hosts and of the home directory"),
        .init("--log", value: "FILE", "take in the end of this log, beside what a running daemon remembers"),
        .init("--dry-run", "only list what would be in it"),
    ],
    examples: [
        ("federation support --dry-run", "what it would hold"),
        ("federation support --hide-names", "for a public place"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    guard arguments.value("--output") != "-" || !arguments.json else {
        return session.usage("the file itself goes to standard output: it cannot say its facts there, too", hint: "leave out --json")
    }
    if arguments.has("--dry-run") {
        if arguments.json {
            console.print(supportFacts(nil, size: nil, unread: []))
        } else {
            console.print(columns(SupportSection.allCases.map { [$0.rawValue, $0.holds] }))
        }
        return .ok
    }
    let made = await SupportFile(
        configPath: arguments.configPath, hidesNames: arguments.has("--hide-names"), logFile: arguments.value("--log"))
    let path = arguments.value("--output") ?? "federation-support-\(made.name)-\(SystemClock.now().rfc3339.filter { $0 != "-" && $0 != ":" }).json"
    if path == "-" {
        console.write(made.bytes)
        return .ok
    }
    if let why = SupportTarget.write(made.bytes, toNew: path) {
        console.error("'\(path.escapedForTerminal)' cannot be written: \(why)", hint: "name another file with --output")
        return .failure
    }
    if arguments.json {
        console.print(supportFacts(path, size: made.bytes.count, unread: made.unread))
    } else {
        for section in made.unread { session.console.warning("\(section.rawValue) could not be read; the file says why") }
        console.print(path)
        console.note("\(byteText(Int64(made.bytes.count))); look at it before you send it")
    }
    return .ok
}

private func supportFacts(_ path: String?, size: Int?, unread: [SupportSection]) -> String {
    var writer = JSONWriter()
    writer.object { writer in
        if let path { writer.member("file", path) } else { writer.member("dry_run", true) }
        if let size { writer.member("size", size) }
        writer.key("sections")
        writer.array { list in
            for section in SupportSection.allCases {
                list.object {
                    $0.member("name", section.rawValue)
                    $0.member("holds", section.holds)
                    if path != nil { $0.member("read", !unread.contains(section)) }
                }
            }
        }
    }
    return String(decoding: writer.bytes, as: UTF8.self)
}

private enum SupportTarget {
    /// A file that was not there before, its owner's alone.
    ///
    /// - Returns: why it was not written; `nil` where it was.
    static func write(_ bytes: [UInt8], toNew path: String) -> String? {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return String(cString: strerror(errno)) }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(cString: strerror(errno)) }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}
