/// Help as text, from the definitions.
enum HelpText {
    static func overview(_ commands: [CommandDefinition]) -> String {
        let width = (commands.map(\.name.count).max() ?? 0) + 2
        let list = commands.map { "  \(padded($0.name, width))\($0.summary)" }.joined(separator: "\n")
        return """
            federation keeps independent event logs in step without a hub.

            usage: federation COMMAND [options]

            commands:
            \(list)

            options:
            \(options(CommandDefinition.common + [.init("--version", "show the version")]))

            examples:
              federation init alpha --name alpha --listen 127.0.0.1:4001
              federation run --config alpha/federation.yaml
              federation help put
              federation help reasons

            exit codes: 0 ok, 1 failure, 2 usage, 3 config, 4 peer unreachable, 5 identity or auth, 6 degraded
            """
    }

    static func group(_ name: String, _ commands: [CommandDefinition]) -> String {
        let members = commands.filter { $0.name.hasPrefix(name + " ") }
        let width = (members.map(\.name.count).max() ?? 0) + 2
        return "usage: federation \(name) COMMAND [options]\n\ncommands:\n"
            + members.map { "  \(padded($0.name, width))\($0.summary)" }.joined(separator: "\n")
    }

    static func command(_ command: CommandDefinition) -> String {
        var text = "\(command.summary)\n\nusage: \(command.usage)\n"
        if !command.details.isEmpty { text += "\n\(command.details)\n" }
        text += "\noptions:\n\(options(command.accepted))\n"
        if !command.examples.isEmpty {
            text += "\nexamples:\n"
            text += command.examples.map { "  \($0.command)\n      \($0.does)" }.joined(separator: "\n") + "\n"
        }
        return String(text.dropLast())
    }

    private static func options(_ options: [CommandDefinition.Option]) -> String {
        let rows = options.map { option in
            (left: [option.short.map { "\($0), " } ?? "    ", option.name, option.value.map { " \($0)" } ?? ""].joined(),
             right: option.help)
        }
        let width = (rows.map(\.left.count).max() ?? 0) + 2
        return rows.map { "  \(padded($0.left, width))\($0.right)" }.joined(separator: "\n")
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
