import FederationConfig

/// Reads a command line against the definitions: long and short options anywhere, `--name=value`, `--` ends options.
struct ArgumentParser {
    let commands: [CommandDefinition]

    /// What the command line asks for.
    enum Request {
        case run(CommandDefinition, ParsedArguments)
        case help(CommandDefinition?)
        /// Help of a group such as `quarantine`.
        case groupHelp(String)
        /// Of `ReasonHelp.topics`.
        case reasonHelp(String)
        case version
    }

    func parse(_ arguments: [String]) throws(UsageProblem) -> Request {
        var rest = arguments[...]
        // `--config` may stand before the command too.
        var leading: [String] = []
        while let first = rest.first, first.hasPrefix("-") {
            switch first {
            case "--help", "-h": return .help(nil)
            case "--version": return .version
            case "--config", "-c":
                guard rest.count > 1 else { throw .missingValue(option: first) }
                leading += rest.prefix(2)
                rest = rest.dropFirst(2)
            case let word where word.hasPrefix("--config="):
                leading.append(word)
                rest = rest.dropFirst()
            default: throw .unknownOption(first, suggestion: suggestion(for: first, among: ["--config", "--help", "--version"]))
            }
        }
        guard let word = rest.popFirst() else { return .help(nil) }
        if word == "help" { return try help(for: Array(rest)) }
        let command = try definition(word, &rest)
        switch command {
        case .group(let name): return .groupHelp(name)
        case .command(let definition):
            if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
                return .help(definition)
            }
            return .run(definition, try parse(leading + Array(rest), for: definition))
        }
    }

    private enum Found { case command(CommandDefinition), group(String) }

    /// - Parameter others: words that may have been meant as well.
    private func definition(
        _ word: String, _ rest: inout ArraySlice<String>, beside others: [String] = []
    ) throws(UsageProblem) -> Found {
        if let found = commands.first(where: { $0.name == word }) { return .command(found) }
        let group = commands.filter { $0.name.hasPrefix(word + " ") }
        guard !group.isEmpty else {
            throw .unknownCommand(word, suggestion: suggestion(for: word, among: commands.map(\.name) + others))
        }
        guard let verb = rest.first, verb != "--help", verb != "-h" else { return .group(word) }
        guard let found = group.first(where: { $0.name == "\(word) \(verb)" }) else {
            let verbs = group.map { String($0.name.dropFirst(word.count + 1)) }
            throw .unknownCommand("\(word) \(verb)", suggestion: suggestion(for: verb, among: verbs).map { "\(word) \($0)" })
        }
        rest = rest.dropFirst()
        return .command(found)
    }

    private func help(for words: [String]) throws(UsageProblem) -> Request {
        var rest = words.filter { !$0.hasPrefix("-") }[...]
        guard let word = rest.popFirst() else { return .help(nil) }
        if ReasonHelp.topics.contains(word) { return .reasonHelp(word) }
        switch try definition(word, &rest, beside: ReasonHelp.topics) {
        case .command(let definition): return .help(definition)
        case .group(let name): return .groupHelp(name)
        }
    }

    private func parse(_ words: [String], for command: CommandDefinition) throws(UsageProblem) -> ParsedArguments {
        var parsed = ParsedArguments()
        var index = 0
        var optionsEnded = false
        while index < words.count {
            let word = words[index]
            index += 1
            if optionsEnded || word == "-" || !word.hasPrefix("-") {
                parsed.positionals.append(word)
                continue
            }
            if word == "--" {
                optionsEnded = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let option = command.accepted.first(where: { $0.name == parts[0] || $0.short == parts[0] }) else {
                throw .unknownOption(parts[0], suggestion: suggestion(for: parts[0], among: command.accepted.map(\.name)))
            }
            if option.value == nil {
                guard parts.count == 1 else { throw .unexpectedValue(option: option.name) }
                parsed.flags.insert(option.name)
                continue
            }
            guard parsed.values[option.name] == nil else { throw .repeatedOption(option.name) }
            if parts.count == 2 {
                parsed.values[option.name] = parts[1]
            } else {
                guard index < words.count else { throw .missingValue(option: option.name) }
                parsed.values[option.name] = words[index]
                index += 1
            }
        }
        try check(parsed.positionals.count, for: command, words: parsed.positionals)
        return parsed
    }

    private func check(_ count: Int, for command: CommandDefinition, words: [String]) throws(UsageProblem) {
        var least = 0
        var most = 0
        for positional in command.positionals {
            switch positional.count {
            case .one: (least, most) = (least + 1, most + 1)
            case .optional: most += 1
            case .any: most = 100_000
            case .many: (least, most) = (least + 1, 100_000)
            }
        }
        if count < least { throw .missingArgument(command.positionals[count].name) }
        if count > most { throw .unexpectedArgument(words[most]) }
    }

    private func suggestion(for word: String, among known: [String]) -> String? {
        closest(to: word, among: known)
    }
}
