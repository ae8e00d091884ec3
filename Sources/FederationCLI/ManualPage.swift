/// Manual pages in roff (man(7)), made from the definitions of the commands.
enum ManualPage {
    /// `federation`, or `federation-put` for one command.
    static func name(of command: CommandDefinition?) -> String {
        (["federation"] + (command?.name.split(separator: " ").map(String.init) ?? [])).joined(separator: "-")
    }

    static func text(_ command: CommandDefinition, version: String) -> String {
        var lines = head(name(of: command), command.summary, version)
        lines += [".SH SYNOPSIS", ".B \(escaped(command.usage))", ".SH DESCRIPTION"]
        lines += paragraphs(command.details.isEmpty ? command.summary.prefix(1).uppercased() + command.summary.dropFirst() + "." : command.details)
        lines.append(".SH OPTIONS")
        lines += options(command.accepted)
        lines.append(".SH EXAMPLES")
        for example in command.examples { lines += [".TP", ".B \(escaped(example.command))", escaped(example.does)] }
        lines += [".SH SEE ALSO", ".BR federation (1)"]
        return lines.joined(separator: "\n")
    }

    static func overview(_ commands: [CommandDefinition], version: String) -> String {
        var lines = head("federation", "keeps independent event logs in step without a hub", version)
        lines += [".SH SYNOPSIS", ".B federation", ".I COMMAND", "[options]", ".SH DESCRIPTION"]
        lines += paragraphs("""
            Each node keeps a log of events in a database of its own, and works alone. A daemon (federation run) polls the \
            peers of a configuration, fetches what is missing, verifies it, and shows how each peer is. Commands reach the \
            daemon by a socket, or open the database themselves where none runs.

            federation help COMMAND shows how a command is used; federation help reasons says why a peer fails or an event \
            is not applied, and what to do.
            """)
        lines.append(".SH COMMANDS")
        for command in commands {
            lines += [".TP", ".BR \(name(of: command).replacing("-", with: "\\-")) (1)", escaped(command.summary)]
        }
        lines.append(".SH OPTIONS")
        lines += options(CommandDefinition.common + [.init("--version", "show the version")])
        lines.append(".SH EXIT STATUS")
        for (status, words) in [
            (0, "ok"), (1, "failure"), (2, "usage: the command line cannot be understood"),
            (3, "the configuration has problems, or there is no node"), (4, "a peer could not be reached"),
            (5, "identity or authentication"), (6, "degraded, where that was asked for"),
        ] { lines += [".TP", ".B \(status)", words] }
        lines += [".SH FILES", ".TP", ".I federation.yaml", "the configuration, in the working directory unless \\fB\\-\\-config\\fR names another"]
        return lines.joined(separator: "\n")
    }

    private static func head(_ name: String, _ summary: String, _ version: String) -> [String] {
        [
            ".TH \(name.uppercased().replacing("-", with: "\\-")) 1 \"\" \"federation \(version)\" \"Federation\"",
            ".SH NAME", "\(name.replacing("-", with: "\\-")) \\- \(escaped(summary))",
        ]
    }

    private static func options(_ options: [CommandDefinition.Option]) -> [String] {
        options.flatMap { option in
            let names = [option.short, option.name].compactMap { $0 }.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
            return [".TP", names + (option.value.map { " \\fI\(escaped($0))\\fR" } ?? ""), escaped(option.help)]
        }
    }

    private static func paragraphs(_ text: some StringProtocol) -> [String] {
        text.split(separator: "\n\n").flatMap { paragraph in
            [".PP"] + paragraph.split(separator: "\n").map { escaped($0.drop { $0 == " " }) }
        }
    }

    /// As text that roff prints as it is: no line of it is a request.
    private static func escaped(_ text: some StringProtocol) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "\"": escaped += "\\(dq"
            case "…": escaped += "..."
            case _ where scalar.isASCII: escaped.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                escaped += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
            }
        }
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }
}
