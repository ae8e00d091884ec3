internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore
internal import Glibc

/// `federation export`: writes what peers would be given of the log into a bundle.
package struct BundleExport: Sendable {
    package var configPath: String
    /// `nil` for standard output.
    package var target: String?
    package var since: Since
    package var replaces = false
    package var isDryRun = false

    package init(configPath: String, target: String?, since: Since) {
        self.configPath = configPath
        self.target = target
        self.since = since
    }

    /// - Parameter progress: told how many events are written, and of how many.
    /// - Returns: the facts as JSON.
    package func run(
        progress: @Sendable (_ done: Int64, _ total: Int64) async -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        if let target, access(target, F_OK) == 0, !isDryRun {
            guard replaces else { throw CommandFailure(.fileExists, ["file": target]) }
            guard BundleExport.isBundle(target) else {
                throw CommandFailure(.fileWrite, ["file": target, "why": "what is there is no bundle, and is not replaced"])
            }
        }
        // Positions that are given to others are those of an epoch that is remembered.
        if !isDryRun { _ = try await CommandClient(configPath: configPath).perform(.exportStart, Array("{}".utf8)) }
        let node = try await OpenedNode(configPath: configPath, use: .read)
        guard node.identity.mode.serves else { throw CommandFailure(.servesNothing) }
        if case .peer(let name) = since, !node.file.config.peers.contains(where: { $0.name == name }) {
            throw CommandFailure(.unknownPeer, ["peer": name], list: node.file.config.peers.map(\.name))
        }
        let draft = target.map { "\($0).\(getpid()).new" }
        if let target { DraftFiles.removeLeftovers(of: target) }
        let output = try Output(isDryRun ? nil : draft ?? "-")
        defer { if let draft { unlink(draft) } }
        let plan = try await Plan(since, node)
        let end = try await write(plan, node, to: output, progress)
        await node.store.close()
        if let target, let draft, !isDryRun {
            do throws(FileFailure) { try AtomicFile.put(draft, in: target) } catch {
                throw CommandFailure(.fileWrite, ["file": target, "why": SystemText.of(error.code)])
            }
        }
        return jsonObject {
            $0.member("dry_run", isDryRun)
            $0.member("file", target ?? "-")
            $0.member("id", node.identity.id.description)
            $0.member("from", plan.header.from)
            if let behind = plan.behind {
                $0.key("behind")
                $0.object {
                    $0.member("seq", behind.seq)
                    $0.member("event_id", behind.event.id.description)
                    $0.member("received_at", behind.receivedAt.rfc3339)
                }
            }
            $0.member("to", end.to)
            $0.member("pages", end.end.pages)
            $0.member("events", end.end.events)
            $0.member("bytes", output.written)
            $0.member("log_events", end.end.logEvents)
            $0.member("digest", end.end.logDigest)
        }
    }

    private static func isBundle(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return false }
        var start = [UInt8](repeating: 0, count: Bundle.magic.count)
        let count = start.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        return count == Bundle.magic.count && start == Bundle.magic
    }

    // MARK: What is written

    /// What the whole bundle rests on, read in one view.
    private struct Plan {
        var header: Bundle.Header
        var head: String
        var events: Int64
        var facts: (events: Int64, digest: String)
        /// The event that it begins after.
        var behind: StoredEvent?

        init(_ since: Since, _ node: OpenedNode) async throws(CommandFailure) {
            let found: Found
            let peers = node.file.config.peers
            do throws(StoreFailure) {
                found = try await node.store.read { (log) throws(StoreFailure) in try Found(since, peers, in: log) }
            } catch {
                throw CommandFailure(error)
            }
            guard found.isKnown else {
                throw CommandFailure(.unknownPosition, ["position": found.asked])
            }
            var random = SystemRandom()
            (head, events, facts, behind) = (found.head, found.events, found.facts, found.behind)
            header = Bundle.Header(
                node: node.identity, publicKey: node.key.publicKey.description, madeAt: SystemClock.now(),
                nonce: hexadecimal(random.bytes(16)), from: found.from, holds: found.holds,
                successions: found.successions)
        }
    }

    private struct Found: Sendable {
        var from = Bundle.beginning
        var head: String
        /// About how many events there are to write.
        var events: Int64
        var facts: (events: Int64, digest: String)
        var holds: [ULID: String] = [:]
        var successions: [Attestation]
        var behind: StoredEvent?
        var asked = ""
        /// Whether the position that was asked from is one of this log.
        var isKnown = true

        init(_ since: Since, _ peers: [Config.Peer], in log: any LogReading) throws(StoreFailure) {
            guard let epochs = LogEpochs(stored: try log.meta(.epoch) ?? "") else { throw .corrupt }
            let end = try NativePosition.head(of: log, epoch: epochs.current)
            var start = NativePosition.beginning(of: epochs.current)
            switch since {
            case .beginning: break
            case .time(let time):
                if let place = try log.place(receivedBefore: time) {
                    start = NativePosition(epoch: epochs.current, seq: place.seq, id: place.id)
                    from = start.text
                }
            case .position(let text):
                asked = text
                isKnown = try NativePosition(text)?.fits(log, epochs: epochs, head: end) ?? false
                if isKnown, let known = NativePosition(text) { (start, from) = (known, text) }
            case .place(let seq):
                asked = "\(seq)"
                if let id = try log.id(at: seq) {
                    start = NativePosition(epoch: epochs.current, seq: seq, id: id)
                    from = start.text
                } else { isKnown = seq == 0 }
            case .event(let id):
                asked = id.description
                if let event = try log.event(id) {
                    start = NativePosition(epoch: epochs.current, seq: event.seq, id: id)
                    from = start.text
                } else { isKnown = false }
            case .peer(let name):
                // What it holds of another log than this it does not hold of this.
                let held = try log.wireValue(BundleDesk.namespace, peer: name, key: BundleDesk.holds)
                if let text = held.map({ String(decoding: $0, as: UTF8.self) }), let known = NativePosition(text),
                    try known.fits(log, epochs: epochs, head: end)
                {
                    (start, from) = (known, text)
                }
            }
            head = end.text
            behind = try start.seq > 0 ? log.event(start.id) : nil
            events = max(0, end.seq - start.seq)
            facts = try log.setFacts(sha256)
            holds = try BundleExport.holds(of: peers, for: since, in: log)
            let own = try log.meta(.identity).flatMap { ULID($0) } ?? .min
            successions = try log.successions(of: own).suffix(Limits.successionsPushed).map(\.attestation)
        }
    }

    private func write(
        _ plan: Plan, _ node: OpenedNode, to output: Output, _ progress: @Sendable (Int64, Int64) async -> Void
    ) async throws(CommandFailure) -> (end: Bundle.End, to: String) {
        let line = plan.header.json
        let hash = sha256(line)
        try output.write(line + [0x0A])
        var (position, pages, events): (String, Int, Int64) = (plan.header.from, 0, 0)
        let last = NativePosition(plan.head)?.seq ?? 0
        while true {
            let from = NativePush.position(position)
            let next: PushPage?
            do throws(StoreFailure) {
                next = try await node.store.read { (log) throws(StoreFailure) in
                    try PushPage.next(after: from, bytes: Limits.pushBytes, upTo: last, in: log)
                }
            } catch {
                throw CommandFailure(error)
            }
            guard let page = next else { break }
            pages += 1
            let count = page.body.count { $0 == 0x0A } - page.attestations
            try output.write(signed(page, number: pages, events: count, after: position, header: hash, node))
            position = page.to
            events += Int64(count)
            await progress(events, max(events, plan.events))
        }
        var end = Bundle.End(
            pages: pages, events: events, logEvents: plan.facts.events, logDigest: plan.facts.digest, signature: "")
        end.signature = node.key.sign(Bundle.preimage(of: end, at: position, header: hash)).description
        try output.write(end.json + [0x0A])
        try output.finish()
        return (end, position)
    }

    private func signed(
        _ page: PushPage, number: Int, events: Int, after from: String, header: Digest, _ node: OpenedNode
    ) -> [UInt8] {
        var (body, coding) = (page.body, Bundle.plain)
        if body.count >= Limits.zstdLeastBytes, let frame = Zstd.compress(body), frame.count < body.count {
            (body, coding) = (frame, Zstd.name)
        }
        var line = Bundle.PageLine(
            page: number, to: page.to, events: events, attestations: page.attestations, coding: coding,
            bytes: body.count, signature: "")
        let preimage = Bundle.preimage(of: line, after: from, header: header, body: sha256(body))
        line.signature = node.key.sign(preimage).description
        return line.json + [0x0A] + body + [0x0A]
    }

    // MARK: Where it goes

    /// A file that is made, standard output, or nowhere.
    private final class Output {
        private let file: Int32?
        private let path: String
        private(set) var written: Int64 = 0

        init(_ path: String?) throws(CommandFailure) {
            self.path = path ?? ""
            switch path {
            case nil: file = nil
            case "-": file = STDOUT_FILENO
            case let path?: file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            }
            if let file, file < 0 { throw failure(errno) }
        }

        func write(_ bytes: [UInt8]) throws(CommandFailure) {
            written += Int64(bytes.count)
            guard let file else { return }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure(errno) }
                rest = rest.dropFirst(count)
            }
        }

        func finish() throws(CommandFailure) {
            guard let file, file != STDOUT_FILENO else { return }
            guard fsync(file) == 0, close(file) == 0 else { throw failure(errno) }
        }

        private func failure(_ code: Int32) -> CommandFailure {
            CommandFailure(.fileWrite, ["file": path, "why": SystemText.of(code)])
        }
    }
}

extension CommandService {
    /// Makes sure that positions of the log may be given to others.
    func startExport() async throws(CommandFailure) -> [UInt8] {
        do throws(StoreFailure) {
            let isServed = try await node.store.read { (log) throws(StoreFailure) in
                LogEpochs(stored: try log.meta(.epoch) ?? "")?.served != nil
            }
            if !isServed { try await OpenedNode.beginEpoch(of: node.store, isServed: true) }
        } catch {
            throw CommandFailure(error)
        }
        return jsonObject { _ in }
    }
}
