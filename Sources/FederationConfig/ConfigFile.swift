import FederationCore
internal import Glibc

/// Why a configuration file gives no configuration.
package enum ConfigFailure: Error, Hashable, Sendable {
    case notFound
    case isDirectory
    /// A pipe or a device: the data directory stands beside the file, so it must be one.
    case notAFile
    case notPermitted
    /// What the system said, as `errno`.
    case unreadable(Int32)
    case tooLong(limit: Int)
    case problems(ConfigProblems)
}

/// A configuration file that was read and has no problems.
package struct ConfigFile: Sendable {
    package var path: String
    package var bytes: [UInt8]
    package var decoded: DecodedConfig

    package var config: Config { decoded.config }

    package init(path: String, bytes: [UInt8], decoded: DecodedConfig) {
        self.path = path
        self.bytes = bytes
        self.decoded = decoded
    }

    package static func load(_ path: String, wires: WireRegistry = .plain) throws(ConfigFailure) -> ConfigFile {
        let bytes = try read(path)
        switch Config.decode(bytes, wires: wires) {
        case .success(let decoded): return ConfigFile(path: path, bytes: bytes, decoded: decoded)
        case .failure(let problems): throw .problems(problems)
        }
    }

    /// The data directory, as a path that means the same as `path` does to this process.
    package var dataDirectory: String { ConfigFile.beside(path, config.data) }

    /// The data directory that a file with problems names, as far as it can be read; `nil` where there is no file.
    package static func likelyDataDirectory(_ path: String) -> String? {
        guard let bytes = try? read(path) else { return nil }
        var data = Config(name: "").data
        if let node = YAMLDocument.parse(bytes).root?["data"], let text = try? ValueReader.path(node) { data = text }
        return beside(path, data)
    }

    /// `relative` as seen from the directory of the file at `path`.
    package static func beside(_ path: String, _ relative: String) -> String {
        guard !relative.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return relative }
        return path[...slash] + relative
    }

    /// The name in `credential:NAME`, which stands where a path to a key or a certificate can; `nil` for a path.
    package static func credentialName(_ value: String) -> String? {
        value.hasPrefix(credentialPrefix) ? String(value.dropFirst(credentialPrefix.count)) : nil
    }

    private static let credentialPrefix = "credential:"

    /// The bytes of a regular file, at most `Limits.configBytes`.
    package static func read(_ path: String) throws(ConfigFailure) -> [UInt8] {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .notFound }
        // Opening a pipe that nobody writes to would wait for ever.
        let file = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw ConfigFailure(errno) }
        defer { _ = close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw ConfigFailure(errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw .isDirectory
        default: throw .notAFile
        }
        var bytes = [UInt8](repeating: 0, count: Limits.configBytes + 1)
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(file, buffer.baseAddress?.advanced(by: count), room)
            }
            if got == 0 { break }
            if got < 0 {
                let error = errno
                if error == EINTR { continue }
                throw ConfigFailure(error)
            }
            count += got
        }
        guard count <= Limits.configBytes else { throw .tooLong(limit: Limits.configBytes) }
        return Array(bytes[..<count])
    }
}

extension ConfigFailure {
    fileprivate init(_ error: Int32) {
        switch error {
        case ENOENT, ENOTDIR, ENAMETOOLONG: self = .notFound
        case EACCES, EPERM: self = .notPermitted
        case EISDIR: self = .isDirectory
        default: self = .unreadable(error)
        }
    }

    /// One line for each thing that is wrong, each beginning with the file's name.
    package func lines(in file: String) -> [String] {
        let name = file.escapedForTerminal(limit: 4096)
        switch self {
        case .notFound: return ["\(name): no such file; 'federation init' makes one"]
        case .isDirectory: return ["\(name): is a directory, not a configuration file"]
        case .notAFile: return ["\(name): is not a regular file"]
        case .notPermitted: return ["\(name): may not be read by this user"]
        case .unreadable(let error): return ["\(name): cannot be read (errno \(error))"]
        case .tooLong(let limit): return ["\(name): longer than \(limit) bytes"]
        case .problems(let problems): return problems.lines(in: file)
        }
    }
}
