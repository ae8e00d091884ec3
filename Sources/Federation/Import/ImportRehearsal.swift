internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc

/// An import carried out on a copy of the database, which is thrown away: what a dry run counts is what would happen.
///
/// The node may run meanwhile; nothing of it is opened for writing.
struct ImportRehearsal: Sendable {
    let desk: ImportDesk
    let bundles: BundleDesk
    private let copy: String

    init(configPath: String) async throws(CommandFailure) {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        await node.store.close()
        if let stopped = node.stopped { throw stopped.failure }
        ImportRehearsal.removeLeftovers(in: node.directory.path)
        copy = "\(node.directory.path)/\(ImportRehearsal.prefix)\(getpid()).db"
        let store: SQLiteStore
        do throws(StoreFailure) {
            try SQLiteStore.copy(of: node.directory.database, to: copy)
            store = try SQLiteStore(path: copy, access: .scratch, room: node.store.room)
        } catch {
            ImportRehearsal.remove(copy)
            throw CommandFailure(error)
        }
        let intake = Intake(node.intakePolicy(recovers: false))
        desk = ImportDesk(store: store, intake: intake, writer: node.writer)
        bundles = BundleDesk(store: store, intake: intake, config: node.file.config, own: node.identity.id)
    }

    func end() async {
        await desk.store.close()
        ImportRehearsal.remove(copy)
    }

    static let prefix = "rehearsal-"

    static func remove(_ path: String) {
        for end in ["", "-wal", "-shm", "-journal"] { unlink(path + end) }
    }

    /// Copies of rehearsals that were killed.
    static func removeLeftovers(in directory: String) {
        guard let listing = opendir(directory) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            // In place: see `FileTree`.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name.hasPrefix(prefix), let dot = name.firstIndex(of: "."),
                let pid = Int32(name[..<dot].dropFirst(prefix.count)), DraftFiles.isLeftover(by: pid)
            else { continue }
            unlink("\(directory)/\(name)")
        }
    }
}

extension OpenedNode {
    /// Signs and writes this node's own events.
    var writer: EventWriter {
        let key = key
        return EventWriter(
            node: identity.id, name: identity.name, sha256: sha256,
            sign: { EventSeal(signature: key.sign($0).description, publicKey: key.publicKey.description) })
    }

    /// - Parameter recovers: own events that are missing are taken back, and stop nothing.
    func intakePolicy(recovers: Bool, replayer: (any EventReplayer)? = nil) -> IntakePolicy {
        let keys = ownKeys
        return IntakePolicy(
            node: identity.id, sha256: sha256,
            isOwnSignature: { preimage, text in
                Signature(text).map { signature in keys.contains { $0.verify(signature, of: preimage) } } ?? false
            },
            signatures: SignaturePolicy(file.config), replayer: replayer,
            replayAttempts: file.config.quarantineAfter, recoversOwnEvents: recovers)
    }
}
