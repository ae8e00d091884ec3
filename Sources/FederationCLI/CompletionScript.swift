/// A script by which a shell completes command lines, made from the definitions of the commands.
enum CompletionScript {
    enum Shell: String, CaseIterable { case bash, zsh, fish }

    static func text(for shell: Shell, _ commands: [CommandDefinition]) -> String {
        switch shell {
        case .bash: bash(commands)
        case .zsh: zsh(commands)
        case .fish: fish(commands)
        }
    }

    /// What stands for a word of this kind.
    enum Kind: Equatable {
        case file, directory, peer, other

        init(_ name: String) {
            switch name {
            case "FILE", "PATH": self = .file
            case "DIR": self = .directory
            case "PEER": self = .peer
            default: self = .other
            }
        }
    }

    /// The first words, each once, with what they mean: a group has that of its members.
    private static func first(_ commands: [CommandDefinition]) -> [(word: String, summary: String)] {
        var found: [(word: String, summary: String)] = []
        for command in commands {
            let word = String(command.name.split(separator: " ")[0])
            if let index = found.firstIndex(where: { $0.word == word }) {
                found[index].summary += "; " + command.summary
            } else {
                found.append((word, command.summary))
            }
        }
        return found + [("help", "show how a command is used, or what a reason means")]
    }

    private static func verbs(of group: String, _ commands: [CommandDefinition]) -> [CommandDefinition] {
        commands.filter { $0.name.hasPrefix(group + " ") }
    }

    private static func groups(_ commands: [CommandDefinition]) -> [String] {
        first(commands).map(\.word).filter { !verbs(of: $0, commands).isEmpty }
    }

    private static func verb(_ command: CommandDefinition) -> String {
        String(command.name.split(separator: " ").last ?? "")
    }

    /// Peers of the configuration that the command line names, or the one here.
    private static let peers = "federation peers 2>/dev/null | cut -d' ' -f1"

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    // MARK: bash

    private static func bash(_ commands: [CommandDefinition]) -> String {
        var lines = [
            "# bash completion of federation: source <(federation completion bash)",
            "_federation() {",
            "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i command= verb=",
            "    COMPREPLY=()",
            "    for ((i = 1; i < COMP_CWORD; i++)); do",
            "        case ${COMP_WORDS[i]} in",
            "            -c|--config) ((i++)) ;;",
            "            -*) ;;",
            "            *) command=${COMP_WORDS[i]}; break ;;",
            "        esac",
            "    done",
            "    case $command in",
            "        '') COMPREPLY=($(compgen -W \(quoted(words(commands))) -- \"$cur\")); return ;;",
            "        help) COMPREPLY=($(compgen -W \(quoted("\(words(commands)) \(topics)")) -- \"$cur\")); return ;;",
        ]
        for group in groups(commands) {
            let verbs = verbs(of: group, commands).map { verb($0) }.joined(separator: " ")
            lines += [
                "        \(group))",
                "            if ((i + 1 == COMP_CWORD)); then COMPREPLY=($(compgen -W '\(verbs)' -- \"$cur\")); return; fi",
                "            command=\"$command ${COMP_WORDS[i+1]}\" ;;",
            ]
        }
        lines += ["    esac", "    local options= kind=other value=", "    case $command in"]
        for command in commands {
            let names = command.accepted.map(\.name).joined(separator: " ")
            let kind = command.positionals.last.map { Kind($0.name) } ?? .other
            lines.append("        \(quoted(command.name))) options='\(names)' kind=\(kind)")
            lines.append("            case $prev in")
            for option in command.accepted {
                guard let value = option.value else { continue }
                let either = [option.name, option.short].compactMap { $0 }.joined(separator: "|")
                lines.append("                \(either)) value=\(Kind(value)) ;;")
            }
            lines += ["            esac ;;"]
        }
        lines += [
            "    esac",
            "    if [[ -z $value && $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")); return; fi",
            "    case ${value:-$kind} in",
            "        file) COMPREPLY=($(compgen -f -- \"$cur\")) ;;",
            "        directory) COMPREPLY=($(compgen -d -- \"$cur\")) ;;",
            "        peer) COMPREPLY=($(compgen -W \"$(\(peers))\" -- \"$cur\")) ;;",
            "    esac",
            "}",
            "complete -o filenames -F _federation federation",
        ]
        return lines.joined(separator: "\n")
    }

    private static let topics = ReasonHelp.topics.joined(separator: " ")

    private static func words(_ commands: [CommandDefinition]) -> String {
        first(commands).map(\.word).joined(separator: " ")
    }

    // MARK: zsh

    private static func zsh(_ commands: [CommandDefinition]) -> String {
        var lines = [
            "#compdef federation",
            "# zsh completion of federation: federation completion zsh > \"${fpath[1]}/_federation\"",
            "_federation_peers() { local -a names; names=(${(f)\"$(\(peers))\"}); compadd -a names }",
            "_federation() {",
            "    local curcontext=\"$curcontext\" state line",
            "    local -a commands",
            "    commands=(",
        ]
        lines += first(commands).map { "        \(quoted("\($0.word):\(described($0.summary))"))" }
        lines += [
            "    )",
            "    _arguments -C '(-c --config)'{-c,--config}'[the configuration]:file:_files' '--version[show the version]' \\",
            "        '1:command:->command' '*::argument:->argument'",
            "    [[ $state == command ]] && { _describe command commands; return }",
            "    local command=$words[1]",
            "    case $command in",
        ]
        for group in groups(commands) {
            lines += ["        \(group))", "            if ((CURRENT == 2)); then", "                local -a verbs; verbs=("]
            lines += verbs(of: group, commands).map { "                    \(quoted("\(verb($0)):\(described($0.summary))"))" }
            lines += [
                "                ); _describe command verbs; return", "            fi",
                "            command=\"$command $words[2]\"; shift words; ((CURRENT--)) ;;",
            ]
        }
        lines += ["        help) _describe command commands; compadd \(topics); return ;;", "    esac", "    case $command in"]
        for command in commands {
            lines.append("        \(quoted(command.name)))")
            var parts = command.accepted.map(zshOption)
            if let last = command.positionals.last { parts.append(quoted("*:\(last.name):\(zshAction(Kind(last.name)))")) }
            lines.append("            _arguments -s " + parts.joined(separator: " \\\n                ") + " ;;")
        }
        lines += ["    esac", "}", "_federation \"$@\""]
        return lines.joined(separator: "\n")
    }

    private static func zshOption(_ option: CommandDefinition.Option) -> String {
        let value = option.value.map { ":\($0):\(zshAction(Kind($0)))" } ?? ""
        let rest = quoted("[\(described(option.help))]\(value)")
        guard let short = option.short else { return quoted(option.name) + rest }
        return "\(quoted("(\(short) \(option.name))")){\(short),\(option.name)}\(rest)"
    }

    private static func zshAction(_ kind: Kind) -> String {
        switch kind {
        case .file: "_files"
        case .directory: "_files -/"
        case .peer: "_federation_peers"
        case .other: " "
        }
    }

    /// Without what ends a description.
    private static func described(_ text: String) -> String {
        text.replacing("[", with: "(").replacing("]", with: ")").replacing(":", with: "\\:")
    }

    // MARK: fish

    private static func fish(_ commands: [CommandDefinition]) -> String {
        func line(_ condition: String, _ rest: String) -> String { "complete -c federation -n \(fishQuoted(condition)) \(rest)" }
        var lines = [
            "# fish completion of federation: federation completion fish > ~/.config/fish/completions/federation.fish",
            "function __federation_words",
            "    set -l words (commandline -opc)[2..-1]",
            "    set -l found",
            "    while set -q words[1]",
            "        switch $words[1]",
            "            case -c --config; set -e words[1]",
            "            case '-*'",
            "            case '*'; set -a found $words[1]",
            "        end",
            "        set -e words[1]",
            "    end",
            "    printf '%s\\n' $found",
            "end",
            "function __federation_at",
            "    set -l words (__federation_words)",
            "    set -l count (count $argv)",
            "    set -q words[$count]; and test \"$words[1..$count]\" = \"$argv\"",
            "end",
            "function __federation_exactly; set -l words (__federation_words); test \"$words\" = \"$argv\"; end",
            "complete -c federation -f",
        ]
        for (word, summary) in first(commands) {
            lines.append(line("__federation_exactly", "-a \(word) -d \(fishQuoted(summary))"))
            if word != "help" { lines.append(line("__federation_exactly help", "-a \(word)")) }
        }
        lines.append(line("__federation_exactly help", "-a \(fishQuoted(topics))"))
        for command in commands {
            let words = command.name.split(separator: " ")
            if words.count > 1 {
                lines.append(line("__federation_exactly \(words[0])", "-a \(words[1]) -d \(fishQuoted(command.summary))"))
            }
            let condition = "__federation_at \(command.name)"
            switch command.positionals.last.map({ Kind($0.name) }) {
            case .file?: lines.append(line(condition, "-F"))
            case .directory?: lines.append(line(condition, "-a '(__fish_complete_directories)'"))
            case .peer?: lines.append(line(condition, "-a \(fishQuoted("(\(peers))"))"))
            case .other?, nil: break
            }
            for option in command.accepted {
                var rest = "-l \(option.name.dropFirst(2))"
                if let short = option.short { rest += " -s \(short.dropFirst())" }
                switch option.value.map(Kind.init) {
                case nil: break
                case .file?: rest += " -r -F"
                case .directory?: rest += " -x -a '(__fish_complete_directories)'"
                case .peer?: rest += " -x -a \(fishQuoted("(\(peers))"))"
                case .other?: rest += " -x"
                }
                lines.append(line(condition, rest + " -d \(fishQuoted(option.help))"))
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func fishQuoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
