import FederationCore

/// What mends a fault, in words: the likeliest first.
struct MendText {
    let configPath: String

    func print(_ result: JSON, on console: Console) {
        for (index, mend) in result.items("mends").enumerated() {
            console.print("\(index == 0 ? "\nmend:  " : "or:    ")\(line(mend))")
        }
    }

    private func line(_ mend: JSON) -> String {
        let words = step(mend)
        return mend.isTrue("if_confirmed") ? "if its owner says that who answers is right, and not before: \(words)" : words
    }

    private func step(_ mend: JSON) -> String {
        switch mend.text("kind") {
        case "command": mend.text("command") + (configPath == "federation.yaml" ? "" : " --config \(configPath.escapedForTerminal)")
        case "command_there": "there: \(mend.text("command"))"
        case "setting": (mend.text("place").isEmpty ? "" : "\(mend.text("place")): ") + "\(mend.text("key")): write '\(mend.text("line"))'"
        case "setting_there": "there, in its configuration: \(mend.text("line"))"
        case "upgrade": "upgrade this node to a newer version: the event is tried again by itself"
        case "upgrade_there": "upgrade the peer, or look at its log"
        default: "nothing to do: it is tried again by itself"
        }
    }
}
