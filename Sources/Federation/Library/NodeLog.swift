internal import FederationConfig
public import FederationCore
internal import FederationStore

/// What a node holds, for reading: its log of events, the records they make, and what it knows of its peers.
///
/// Each call sees one commit. Reading waits for no writer and keeps none waiting.
public struct NodeLog: Sendable {
    let store: SQLiteStore
    let config: @Sendable () -> Config
    /// The node whose log this is, as it was called when the log was opened.
    public let identity: NodeIdentity

    init(store: SQLiteStore, identity: NodeIdentity, config: @escaping @Sendable () -> Config) {
        self.store = store
        self.identity = identity
        self.config = config
    }

    /// Opens the log of a configuration's node beside whoever runs it, or while nobody does.
    ///
    /// - Throws: the failure with its facts; also where an older program's database has yet to be opened for writing.
    public init(configPath: String) async throws(CommandFailure) {
        let opened = try await OpenedNode(configPath: configPath, use: .read)
        let config = opened.file.config
        self.init(store: opened.store, identity: opened.identity, config: { config })
    }

    /// Closes what `init(configPath:)` opened. The log of an `EmbeddedNode` ends with it.
    public func close() async { await store.close() }

    // MARK: Events

    /// The last place in the order of arrival; `nil` for an empty log.
    public func head() async throws(StoreFailure) -> LogPosition? {
        try await store.read { (log) throws(StoreFailure) in try log.head() }
    }

    /// The event of this id; `nil` where the log has none.
    public func event(_ id: ULID) async throws(StoreFailure) -> StoredEvent? {
        try await store.read { (log) throws(StoreFailure) in try log.event(id) }
    }

    /// All events of a subject, held ones too, in order of id.
    public func events(of subject: String) async throws(StoreFailure) -> [StoredEvent] {
        try await store.read { (log) throws(StoreFailure) in try log.events(of: subject) }
    }

    /// The applied events after a cursor, at most `limit`: of all origins, this node's own too.
    public func page(after cursor: LogCursor, limit: Int = 100) async throws(StoreFailure) -> LogPage {
        try await store.read { (log) throws(StoreFailure) in try log.page(after: cursor, limit: max(1, limit)) }
    }

    /// The same, but waits until there is an event, at once when one is committed, whoever writes it. Where its task is
    /// cancelled or the log closed meanwhile, the page has none.
    public func nextPage(after cursor: LogCursor, limit: Int = 100) async throws(StoreFailure) -> LogPage {
        try await LogNews(log: self).page(after: cursor, limit: limit)
    }

    // MARK: Records

    /// The current state of a subject; `nil` where no applied event speaks of it.
    public func record(_ subject: String) async throws(StoreFailure) -> Record? {
        try await store.read { (log) throws(StoreFailure) in try log.record(subject) }
    }

    /// The records that a filter names, in order of subject.
    public func records(_ filter: RecordFilter) async throws(StoreFailure) -> [Record] {
        try await store.read { (log) throws(StoreFailure) in try log.records(filter) }
    }

    /// What a record says: the content of its shown head, with the tags and the tier that stand now. `nil` where there
    /// is no such record, or its content was removed.
    public func content(of subject: String) async throws(StoreFailure) -> Snapshot? { try await editable(subject)?.content }

    func editable(_ subject: String) async throws(StoreFailure) -> (heads: [ULID], content: Snapshot)? {
        try await store.read { (log) throws(StoreFailure) in
            guard let record = try log.record(subject), let shown = record.shown,
                let data = try log.event(shown)?.event.data, let content = try? Snapshot(editing: record, data: data)
            else { return nil }
            return (record.heads, content)
        }
    }

    /// What the node's replayer keeps under keys that begin with `prefix` (`ReplayLog.setValue`), in order of key.
    public func replayerValues(prefix: String) async throws(StoreFailure) -> [(key: String, value: [UInt8])] {
        try await store.read { (log) throws(StoreFailure) in
            try log.replayerValues().filter { $0.key.utf8.starts(with: prefix.utf8) }
        }
    }

    // MARK: State

    /// What `federation_state` says.
    public var state: NodeState { NodeState(store: store, config: config) }
}
