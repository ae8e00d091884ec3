internal import FederationCore
internal import Glibc

/// What a process can say of its machine and of itself without asking anybody.
enum SupportSystem {
    /// Variables that change what the program does. Some hold secrets, so no value is ever read.
    private static let variables = [
        "FEDERATION_KEY", "NOEMA_MCP_KEY", "CREDENTIALS_DIRECTORY", "CONFIGURATION_DIRECTORY", "STATE_DIRECTORY",
        "NOTIFY_SOCKET", "LISTEN_FDS", "JOURNAL_STREAM", "INVOCATION_ID", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME",
        "TZ", "LANG", "LC_ALL", "TERM", "NO_COLOR", "http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_PRELOAD", "LD_LIBRARY_PATH",
    ]

    static func program(_ writer: inout JSONWriter) {
        writer.object {
            $0.member("version", programVersion)
            var names = utsname()
            if uname(&names) == 0 {
                $0.member("kernel", text(of: &names.release))
                $0.member("machine", text(of: &names.machine))
            }
            if let system = lines(of: "/etc/os-release").first(where: { $0.hasPrefix("PRETTY_NAME=") }) {
                $0.member("system", system.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" })
            }
            $0.member("processors", sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            $0.member("memory", sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)))
            $0.member("is_root", geteuid() == 0)
            $0.member("libraries", libraries)
        }
    }

    static func environment(_ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("set", variables.filter { getenv($0) != nil })
            writer.member("not_set", variables.filter { getenv($0) == nil })
        }
    }

    /// The shared libraries of this process, by the names of their files, which name versions.
    private static var libraries: [String] {
        let names = lines(of: "/proc/self/maps").compactMap { line -> String? in
            guard let slash = line.lastIndex(of: "/"), line.contains(".so") else { return nil }
            return String(line[line.index(after: slash)...])
        }
        return Set(names).sorted()
    }

    /// The end of a file: whole lines, at most so many.
    ///
    /// - Returns: `nil` where it cannot be read.
    static func lastLines(of path: String, limit: Int) -> [String]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
        let start = max(0, Int(facts.st_size) - limit * 512)
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size) - start)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { room in
                room.baseAddress.map { pread(file, $0 + count, room.count - count, off_t(start + count)) } ?? 0
            }
            guard got > 0 else { break }
            count += got
        }
        var lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        if start > 0, !lines.isEmpty { lines.removeFirst() }
        return lines.suffix(limit).map { String($0).escapedForTerminal(limit: 2048) }
    }

    static func files(in directory: String, _ writer: inout JSONWriter) {
        var names: [String] = []
        if let stream = opendir(directory) {
            defer { closedir(stream) }
            while let entry = readdir(stream), names.count < 1000 {
                names.append(
                    withUnsafePointer(to: &entry.pointee.d_name) {
                        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    })
            }
        }
        writer.object { writer in
            writer.member("directory", directory)
            writer.key("entries")
            writer.array { list in
                for name in names.sorted() where name != ".." {
                    var facts = stat()
                    guard lstat(directory + "/" + name, &facts) == 0 else { continue }
                    list.object {
                        $0.member("name", name)
                        $0.member("size", Int64(facts.st_size))
                        $0.member("mode", String(facts.st_mode, radix: 8))
                        $0.member("is_ours", facts.st_uid == geteuid())
                        $0.member("changed", WallTime(milliseconds: Int64(facts.st_mtim.tv_sec) * 1000).rfc3339)
                    }
                }
            }
        }
    }

    private static func lines(of path: String) -> [Substring] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count < 1 << 20 {
            let count = fread(&room, 1, room.count, file)
            guard count > 0 else { break }
            bytes += room[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    private static func text<Field>(of field: inout Field) -> String {
        withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
