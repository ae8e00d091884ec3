/// One sub-command: what help prints, what the parser accepts and what runs are all read from this one value.
struct CommandDefinition: Sendable {
    struct Positional: Sendable {
        enum Count: Sendable { case one, optional, any, many }
        var name: String
        var count: Count
    }

    struct Option: Sendable {
        /// With its dashes: `--limit`.
        var name: String
        /// One letter with its dash, if it has one.
        var short: String?
        /// What the value is called in help; `nil` for a flag.
        var value: String?
        var help: String

        init(_ name: String, short: String? = nil, value: String? = nil, _ help: String) {
            self.name = name
            self.short = short
            self.value = value
            self.help = help
        }
    }

    /// One word, or two for a command of a group: `quarantine list`.
    var name: String
    var summary: String
    /// More than the summary, as paragraphs.
    var details: String = ""
    var positionals: [Positional] = []
    var options: [Option] = []
    /// Whether it prints facts, and so knows `--json`.
    var printsFacts = true
    var examples: [(command: String, does: String)] = []
    var run: @Sendable (ParsedArguments, Console) async -> ExitStatus

    /// Options that every command knows.
    static let common = [
        Option("--config", short: "-c", value: "FILE", "the configuration (default: federation.yaml here, or the user's, or /etc's)"),
        Option("--no-input", "never ask; what needs an answer is refused"),
        Option("--help", short: "-h", "show this help"),
    ]

    static let json = Option("--json", "print the facts as JSON")

    /// Every option this command accepts.
    var accepted: [Option] { options + (printsFacts ? [CommandDefinition.json] : []) + CommandDefinition.common }

    /// `federation events [ID] [options]`
    var usage: String {
        let parts = positionals.map { positional in
            switch positional.count {
            case .one: positional.name
            case .optional: "[\(positional.name)]"
            case .any: "[\(positional.name)…]"
            case .many: "\(positional.name)…"
            }
        }
        return (["federation", name] + parts + ["[options]"]).joined(separator: " ")
    }
}

/// What was given on the command line, after it was checked against a definition.
struct ParsedArguments: Sendable {
    var positionals: [String] = []
    var values: [String: String] = [:]
    var flags: Set<String> = []

    func value(_ option: String) -> String? { values[option] }
    func has(_ flag: String) -> Bool { flags.contains(flag) }
    var configPath: String { values["--config"] ?? ConfigPlace.found() }
    var json: Bool { flags.contains("--json") }
}

/// Why a command line cannot be understood.
enum UsageProblem: Error, Equatable {
    case unknownCommand(String, suggestion: String?)
    case unknownOption(String, suggestion: String?)
    case missingValue(option: String)
    case unexpectedValue(option: String)
    case repeatedOption(String)
    case missingArgument(String)
    case unexpectedArgument(String)
}
