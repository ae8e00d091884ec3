internal import FederationConfig
internal import FederationCore
internal import FederationStore
internal import Glibc

/// A node opened on a copy of its database, which is thrown away: what it does there is what it would do, and a daemon
/// may run on the database itself meanwhile.
struct NodeRehearsal: Sendable {
    let node: Node
    private let copy: String

    /// - Parameter recovers: as `OpenedNode.Use.recover`.
    init(configPath: String, recovers: Bool) async throws(CommandFailure) {
        let directory = NodeDirectory(try loadConfig(configPath).dataDirectory)
        guard directory.hasDatabase else { throw CommandFailure(missingDatabase: directory) }
        ImportRehearsal.removeLeftovers(in: directory.path)
        copy = "\(directory.path)/\(ImportRehearsal.prefix)\(getpid()).db"
        do throws(CommandFailure) {
            do throws(StoreFailure) {
                // As the first command after an upgrade does, it brings the database up to date.
                await (try await OpenedNode.open(directory, for: .read)).close()
                try SQLiteStore.copy(of: directory.database, to: copy)
            } catch {
                throw CommandFailure(error)
            }
            node = try await Node(
                configPath: configPath, use: .rehearse(copy: copy, recovers: recovers), logger: .silent)
        } catch {
            ImportRehearsal.remove(copy)
            throw error
        }
    }

    func end() async {
        await node.close()
        ImportRehearsal.remove(copy)
    }
}
