internal import FederationConfig
internal import FederationCore

/// What came of an import, gathered from its batches.
struct ImportReport {
    let isDryRun: Bool
    var root = ""
    var cortex: NoemaManifest?
    /// The peers of this node's own configuration.
    var configured: [Config.Peer] = []
    var eventsRead = 0
    var eventsUnreadable = 0
    var removed: [String] = []
    /// An event of our own, signed by us, that this node lacks: it has stopped, or would.
    var foundOwnFuture = false
    private var filesFound = 0
    private var links = 0
    private var counts: [String: Int64] = [:]
    private var problems: [(label: ImportLabel, code: String)] = []
    private var problemCount = 0
    private var written: [(label: ImportLabel, id: String, did: [String])] = []

    init(isDryRun: Bool) { self.isDryRun = isDryRun }

    mutating func add(_ tree: FileTree) {
        filesFound += tree.files.count
        links += tree.links
        for (path, problem) in tree.problems { self.problem(ImportLabel(path: path), problem.rawValue) }
    }

    /// A row that is no event.
    mutating func unreadable(_ label: ImportLabel, _ code: String) {
        eventsUnreadable += 1
        problem(label, code)
    }

    mutating func problem(_ label: ImportLabel, _ code: String) {
        problemCount += 1
        if problems.count < Limits.importListed { problems.append((label, code)) }
    }

    /// Adds what a batch answered.
    mutating func add(_ answer: JSON, _ labels: [ImportLabel]) {
        for (word, count) in answer["counts"]?.members ?? [] { counts[word, default: 0] += count.integer ?? 0 }
        if answer["found_own_future"]?.bool == true { foundOwnFuture = true }
        for entry in answer["written"]?.array ?? [] where written.count < Limits.importListed {
            guard let item = entry["item"]?.integer, labels.indices.contains(Int(item)) else { continue }
            let did = (entry["did"]?.array ?? []).compactMap(\.string)
            written.append((labels[Int(item)], entry["id"]?.string ?? "", did))
        }
        for entry in answer["problems"]?.array ?? [] {
            guard let item = entry["item"]?.integer, labels.indices.contains(Int(item)) else { continue }
            problem(labels[Int(item)], entry["code"]?.string ?? "other")
        }
    }

    var json: [UInt8] {
        jsonObject { writer in
            writer.member("kind", cortex == nil ? "markdown" : "noema")
            writer.member("directory", root)
            writer.member("dry_run", isDryRun)
            if foundOwnFuture { writer.member("stops_node", true) }
            if let cortex {
                writer.key("cortex")
                writer.object {
                    $0.member("id", cortex.id)
                    $0.member("name", cortex.name)
                }
                writer.key("events")
                writer.object { events in
                    events.member("read", eventsRead)
                    events.member("unreadable", eventsUnreadable)
                    for word in ["applied", "duplicates", "held", "refused", "deferred"] { events.member(word, counts[word] ?? 0) }
                }
            }
            writer.key("files")
            writer.object { files in
                files.member("read", filesFound)
                let words = ["created", "updated", "unchanged"] + (cortex == nil ? [] : ["archived", "trashed"])
                for word in words { files.member(word, counts[word] ?? 0) }
                files.member("links", links)
            }
            writer.key("written")
            writer.array { writer in
                for (label, id, did) in written {
                    writer.object {
                        $0.member("path", label.path)
                        $0.member("id", id)
                        $0.member("did", did)
                    }
                }
            }
            if cortex == nil { writer.member("removed", removed) }
            writer.member("problem_count", problemCount)
            writer.key("problems")
            writer.array { writer in for (label, code) in problems { writer.object { problem(label, code, &$0) } } }
            suggestedPeers(&writer)
        }
    }

    private func problem(_ label: ImportLabel, _ code: String, _ writer: inout JSONWriter) {
        if !label.path.isEmpty { writer.member("path", label.path) }
        if !label.event.isEmpty { writer.member("event", label.event) }
        if label.path.isEmpty, label.event.isEmpty { writer.member("row", label.row) }
        writer.member("code", code)
    }

    /// Peers of the cortex that this node does not have: suggested, never added.
    private func suggestedPeers(_ writer: inout JSONWriter) {
        guard let cortex else { return }
        writer.key("peers")
        writer.array { writer in
            for peer in cortex.peers where !configured.contains(where: { $0.endpoint?.url == peer.endpoint }) {
                writer.object {
                    $0.member("name", peer.name)
                    $0.member("endpoint", peer.endpoint)
                }
            }
        }
    }
}

/// Items that wait until they are a batch.
struct ImportQueue {
    private let kind: ImportBatch.Kind
    private let facts: [String: String]
    private var items: [ImportBatch.Item] = []
    private var bytes = 0

    /// What a request holds beside its items.
    private static let margin = 64 << 10

    init(_ kind: ImportBatch.Kind, _ facts: [String: String]) {
        self.kind = kind
        self.facts = facts
    }

    mutating func add(
        _ item: ImportBatch.Item, to port: ImportPort, _ report: inout ImportReport
    ) async throws(CommandFailure) {
        guard item.json.count <= Limits.controlRequestBytes - ImportQueue.margin else {
            // Text that is nearly all escapes.
            report.problem(item.label, FileTree.Problem.tooLarge.rawValue)
            return
        }
        if items.count == Limits.importBatchItems || bytes + item.json.count > Limits.importBatchBytes {
            try await flush(to: port, &report)
        }
        items.append(item)
        bytes += item.json.count + 1
    }

    mutating func flush(to port: ImportPort, _ report: inout ImportReport) async throws(CommandFailure) {
        guard !items.isEmpty else { return }
        let answer = try await port.take(ImportBatch.json(kind, facts, items))
        report.add(answer, items.map(\.label))
        items = []
        bytes = 0
    }
}

/// Where batches go: to the node, or to a rehearsal.
enum ImportPort: Sendable {
    case node(CommandChannel)
    case rehearsal(ImportRehearsal)
    /// A database that this process holds, for bundles alone.
    case desk(BundleDesk)

    init(configPath: String, isDryRun: Bool) async throws(CommandFailure) {
        self =
            isDryRun
            ? .rehearsal(try await ImportRehearsal(configPath: configPath))
            : .node(try await CommandChannel(configPath: configPath))
    }

    func take(_ batch: [UInt8]) async throws(CommandFailure) -> JSON {
        let answer: [UInt8]
        switch self {
        case .node(let channel): answer = try await channel.perform(.importBatch, batch)
        case .rehearsal(let rehearsal):
            let json: JSON
            do { json = try JSON(batch) } catch { throw CommandFailure(.badRequest) }
            answer = try await rehearsal.desk.take(json).json
        case .desk: throw CommandFailure(.badRequest)
        }
        do { return try JSON(answer) } catch { throw CommandFailure(.badRequest) }
    }

    /// The paths of a tree that were imported before.
    func known(tree: String) async throws(CommandFailure) -> [String] {
        let answer = try await take(ImportBatch.json(.known, ["tree": tree], []))
        return (answer["paths"]?.array ?? []).compactMap(\.string)
    }

    func close() async {
        switch self {
        case .node(let channel): await channel.close()
        case .rehearsal(let rehearsal): await rehearsal.end()
        case .desk: break
        }
    }
}
