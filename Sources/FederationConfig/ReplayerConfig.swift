import FederationCore

extension Config {
    /// Something that is given the log from outside its transactions.
    public struct Replayer: Hashable, Sendable {
        /// What it is that is given the log.
        public enum Kind: Hashable, Sendable {
            case exec(Exec)
            case files(Files)
        }

        /// A program that is given each event.
        public struct Exec: Hashable, Sendable {
            /// The program and its arguments; no shell reads them.
            public var command: [String]
            /// Where it runs; relative to the directory of the configuration file, which it is without.
            public var directory: String?
            /// The variables of our own environment that it gets, and no others.
            public var environment = ["HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "USER"]
            /// Events that it has at one time.
            public var window = 64
            /// How long it may be silent while it has any.
            public var timeout = Duration.seconds(60)
        }

        /// A directory of Markdown notes.
        public struct Files: Hashable, Sendable {
            /// Relative to the directory of the configuration file.
            public var directory: String
            /// Whether what is changed there becomes events.
            public var edits = true
        }

        /// What is durable of it stands under this name.
        public var name: String
        public var kind: Kind
    }
}

extension Config {
    package static let replayerWindows = 1...1000
    /// Variables of our own environment that hold the ring's key, the first that is set; no program is given them.
    package static let secretVariables = ["FEDERATION_KEY", "NOEMA_MCP_KEY"]
    package static let replayerTimeouts: ClosedRange<Duration> = .seconds(1) ... .seconds(24 * 3600)
}

extension Config.Replayer {
    package enum Word: String, Hashable, Sendable, CaseIterable { case exec, files }

    package var word: Word {
        switch kind {
        case .exec: .exec
        case .files: .files
        }
    }

    /// All entries; one that is incomplete is left out, and its problems are noted.
    static func all(reading reader: inout MappingReader) -> [Config.Replayer] {
        var names: [String: Mark] = [:]
        var directories: [String: Mark] = [:]
        let found = reader.mappings("replayers") { entry -> Config.Replayer? in
            let name = entry.require("name", .name)
            if let name {
                if let first = names[name] { entry.report(.duplicateReplayer(name, first: first), about: "name") }
                names[name] = names[name] ?? entry.at("name")
            }
            guard let word = entry.require("replayer", ValueReader<Word>.oneOf) else {
                entry.reportOnlySlips()
                return nil
            }
            let kind: Kind?
            switch word {
            case .exec: kind = Exec(reading: &entry).map { .exec($0) }
            case .files:
                kind = Files(reading: &entry).map { .files($0) }
                if case .files(let files) = kind {
                    if let first = directories[files.directory] {
                        entry.report(.duplicateDirectory(files.directory, first: first), about: "directory")
                    }
                    directories[files.directory] = entry.at("directory")
                }
            }
            guard let name, let kind else { return nil }
            return Config.Replayer(name: name, kind: kind)
        }
        if found.count > Limits.replayers {
            reader.report(.tooManyReplayers(limit: Limits.replayers), about: "replayers")
        }
        return found.compactMap { $0 }
    }

    /// As the configuration writes it, for whoever is told of a change.
    package var text: String {
        switch kind {
        case .exec(let exec):
            let directory = exec.directory.map { " in \($0)" } ?? ""
            let variables = exec.environment.joined(separator: " ")
            let command = exec.command.map { $0.contains(" ") || $0.isEmpty ? "'\($0)'" : $0 }.joined(separator: " ")
            return "\(name): exec \(command)\(directory), window \(exec.window), "
                + "timeout \(exec.timeout.shortText), environment \(variables)"
        case .files(let files): return "\(name): files \(files.directory)\(files.edits ? "" : ", without edits")"
        }
    }
}

extension Config.Replayer.Exec {
    fileprivate init?(reading entry: inout MappingReader) {
        command = entry.list("command", .argument)
        if command.first?.isEmpty ?? true { entry.report(.missingKey("command"), about: "command") }
        directory = entry.optional("directory", .path)
        let variables = entry.list("environment", .variable)
        if entry.has("environment") { environment = variables }
        window = entry.read("window", default: window, .integer(in: Config.replayerWindows))
        timeout = entry.read("timeout", default: timeout, .duration(in: Config.replayerTimeouts))
        if command.isEmpty { return nil }
    }
}

extension Config.Replayer.Files {
    fileprivate init?(reading entry: inout MappingReader) {
        let directory = entry.require("directory", .path)
        edits = entry.read("edits", default: true, .flag)
        guard let directory else { return nil }
        self.directory = directory
    }
}

extension ValueReader where Value == String {
    /// An argument of a program.
    fileprivate static var argument: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard text.utf8.count <= 4096, !text.utf8.contains(0) else { throw .notAnArgument }
            return text
        }
    }

    /// The name of a variable of the environment, but for those that hold keys of this node.
    fileprivate static var variable: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard !text.isEmpty, text.utf8.count <= 255, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3D })
            else { throw .notAVariable(text) }
            guard !Config.secretVariables.contains(text) else { throw .secretVariable(text) }
            return text
        }
    }
}
