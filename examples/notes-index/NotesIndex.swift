import Federation
import Foundation

/// A program that is a node of a ring: it counts the words that the others write, and keeps their notes as files.
///
/// ```sh
/// notes-index alpha/federation.yaml notes   # runs the node until SIGTERM or SIGINT
/// notes-index alpha/federation.yaml         # prints the counts, also while it runs
/// ```
@main enum NotesIndex {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        do {
            switch arguments.count {
            case 1: try await printCounts(configPath: arguments[1])
            case 2: try await run(configPath: arguments[1], folder: NotesFolder(path: arguments[2]))
            default:
                note("usage: notes-index CONFIG [FOLDER]")
                exit(2)
            }
        } catch {
            note("notes-index: \(error)")
            exit(1)
        }
    }

    /// The folder follows the node's log until a signal comes; then it ends, and after it the node.
    private static func run(configPath: String, folder: NotesFolder) async throws {
        let signals = StopSignals()
        let node = try await EmbeddedNode(configPath: configPath, replayer: WordCounts()) { note($0) }
        try await node.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await folder.follow(node) }
                group.addTask { await signals.first() }
                try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    private static func printCounts(configPath: String) async throws {
        let log = try await NodeLog(configPath: configPath)
        for (word, count) in try await WordCounts.all(in: log) { print(word, count) }
        await log.close()
    }

    private static func note(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
