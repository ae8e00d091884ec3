import Federation
import Foundation

/// A folder with a Markdown file for each record of a node, its own and those of others.
///
/// It follows the log from outside: a file says what its record says now, so writing it once too often does no harm,
/// and the place is moved only after the files are written.
struct NotesFolder {
    let path: String

    /// Keeps the folder in step until the task is cancelled.
    func follow(_ node: EmbeddedNode) async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let follower = node.follower(named: "notes-folder")
        while !Task.isCancelled {
            let page = try await follower.nextPage()
            for subject in Set(page.events.map(\.event.subject)) { try await write(subject, of: node.log) }
            try await follower.advance(to: page.next)
        }
    }

    private func write(_ subject: String, of log: NodeLog) async throws {
        // A subject may be any text that a peer sends; only Noema's form is a file's name.
        guard isTraceID(subject) else { return }
        let file = URL(fileURLWithPath: "\(path)/\(subject).md")
        let record = try await log.record(subject)
        if record?.lifecycle == .active, let content = try await log.content(of: subject) {
            try Data(content.body.utf8).write(to: file, options: .atomic)
        } else {
            try? FileManager.default.removeItem(at: file)
        }
    }
}
