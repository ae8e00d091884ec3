import Federation
import Testing

/// Keeps, in the transaction of each event, how often it was given it.
private struct Tally: EventReplayer {
    let version = "1"

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        let key = entry.event.id.description
        try log.setValue(key, try (log.value(key) ?? []) + [1])
        return .applied
    }
}

/// A program that embeds nodes, with `import Federation` and nothing else of the package.
@Suite struct EmbeddedNodeTests {
    private func note(_ title: String, _ body: String) -> Snapshot {
        var content = Snapshot()
        content.title = title
        content.type = "note"
        content.body = body
        return content
    }

    /// A host that writes configurations itself.
    @Test func itIsMadeOfAConfigurationThatIsThere() async throws {
        let place = try await Place("alpha")
        let file = place.directory + "/own.yaml"
        place.write("name: own\ndata: own\n", to: file)
        let made = try await NodeSetup.make(configuredBy: file)
        #expect(made.configPath == file && made.dataDirectory == place.directory + "/own")
        let node = try await EmbeddedNode(configPath: file)
        #expect(node.identity.id == made.identity && node.identity.name == "own")
        await node.stop()
        await #expect(throws: CommandFailure.self) { try await NodeSetup.make(configuredBy: file) }
    }

    @Test func itWritesReadsEditsAndFollows() async throws {
        let place = try await Place("alpha")
        let node = try await EmbeddedNode(configPath: place.config)
        let written = try await node.create(note("Tea", "Green"), requestID: "one")
        #expect(try await node.create(note("Tea", "Green"), requestID: "one").isRepeated)
        let subject = written.subject
        let record = try #require(try await node.log.record(subject))
        #expect(record.title == "Tea" && record.heads == written.events && !record.isDiverged)
        let edited = try await node.edit(subject) { $0.body += " or black" }
        #expect(try await node.log.content(of: subject)?.body == "Green or black")
        await #expect(throws: WriteFailure.refused(.unknownSubject)) { try await node.edit("20260101-none") { _ in } }
        await #expect(throws: WriteFailure.refused(.headsChanged(heads: edited.events))) {
            try await node.write(.update(subject: subject, self.note("Tea", "x"), base: .heads(written.events)))
        }
        let page = try await node.log.page(after: .start)
        #expect(page.events.map(\.event.id) == written.events + edited.events)
        #expect(page.events.allSatisfy { $0.event.originID == node.identity.id && $0.verification == .pinned })
        #expect(try await node.log.head()?.id == edited.events.last)
        #expect(try await node.log.event(written.events[0])?.event.knownAction == .create)
        #expect(try await node.log.events(of: subject).count == 2)
        #expect(try await node.log.records(RecordFilter(limit: 10)).map(\.subject) == [subject])
        await node.stop()
        await node.stop()
    }

    @Test func theStateIsReadAndOnlyAHostsOwnKeysAreWritten() async throws {
        let place = try await Place("alpha", peers: ["beta": "http://127.0.0.1:1"])
        let node = try await EmbeddedNode(configPath: place.config)
        let state = node.log.state
        #expect(try await state.clock().isEmpty)
        _ = try await node.create(note("Tea", "Green"))
        #expect(try await state.clock()[node.identity.id] == 1)
        #expect(try await state.value(StateKey.clock) == #"{"\#(node.identity.id)":1}"#)
        try await state.set("theme", "dark")
        #expect(try await state.value(StateKey.host("theme")) == "dark")
        #expect(try await state.values(prefix: "host:").map(\.key) == ["host:theme"])
        try await state.set("theme", nil)
        #expect(try await state.values(prefix: "host:").isEmpty)
        let peer = try #require(try await state.peer("beta"))
        #expect(peer.id == nil && peer.lastSeen == nil && peer.health == PeerHealth())
        #expect(try await state.peer("gamma") == nil)
        try await node.start()
        let report = try #require(await node.syncNow(["beta", "gamma"]).first)
        let error = try #require(report.error)
        #expect(error.reason == .networkRefused && error.reason.isNetwork && !error.reason.isSchemaWidening)
        #expect(error.failure == .transport(.refused) && error.eventID.isEmpty && error.subject.isEmpty)
        let health = try await state.health(of: "beta")
        #expect(health.consecutiveFailures > 0 && health.lastError?.reason == .networkRefused)
        // It goes on trying meanwhile.
        let failures = try await state.peers().map(\.health.consecutiveFailures)
        #expect(failures.count == 1 && failures[0] >= health.consecutiveFailures)
        // Nothing is pinned or read yet, but its health is on record.
        #expect(try await node.reset(["beta"], dryRun: true).resets.map(\.peer) == ["beta"])
        await node.stop()
        await #expect(throws: StoreFailure.readOnly) { try await state.set("theme", "light") }
    }

    private func tally(of node: EmbeddedNode) async throws -> [String: Int] {
        let values = try await node.log.replayerValues(prefix: "")
        return Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.value.count) })
    }

    private func once(_ ids: [ULID]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: ids.map { ($0.description, 1) })
    }

    @Test func theReplayerOfOneNodeIsGivenTheEventsOfAnotherOnce() async throws {
        let beta = try await Place.running("beta")
        let theirs = beta.node
        let alpha = try await Place("alpha", peers: ["beta": "http://127.0.0.1:\(beta.port)"])
        var ids: [ULID] = []
        for number in 1...3 { ids += try await theirs.create(note("Note \(number)", "text")).events }
        // Taken in by a program without the replayer, at first.
        let plain = try await EmbeddedNode(configPath: alpha.config)
        try await plain.start()
        #expect(await plain.syncNow().allSatisfy { $0.error == nil })
        await plain.stop()
        let ours = try await EmbeddedNode(configPath: alpha.config, replayer: Tally())
        #expect(try await tally(of: ours) == once(ids))
        try await ours.start()
        ids += try await theirs.create(note("Note 4", "text")).events
        #expect(await ours.syncNow().map(\.result) == [.complete])
        // Our own writes are not given.
        _ = try await ours.create(note("Mine", "text"))
        #expect(try await tally(of: ours) == once(ids))
        #expect(try await ours.log.state.peer("beta")?.id == theirs.identity.id)
        await ours.stop()
        await beta.node.stop()
    }

    @Test func aFollowerGoesOnWhereItWas() async throws {
        let place = try await Place("alpha")
        var node = try await EmbeddedNode(configPath: place.config)
        let first = try await node.create(note("One", "1")).events + node.create(note("Two", "2")).events
        let follower = node.follower(named: "mail")
        let page = try await follower.nextPage(limit: 1)
        #expect(page.events.map(\.event.id) == [first[0]] && page.hasMore)
        #expect(try await follower.nextPage(limit: 1) == page, "not advanced, so given again")
        try await follower.advance(to: page.next)
        // It stays a place of this database however often that is served anew.
        #expect(try await follower.cursor().text.hasPrefix("."))
        await node.stop()
        node = try await EmbeddedNode(configPath: place.config)
        let after = node.follower(named: "mail")
        #expect(after.name == "mail")
        let next = try await after.nextPage()
        #expect(next.events.map(\.event.id) == [first[1]] && !next.startedOver)
        try await after.advance(to: next.next)
        // What is written while it waits wakes it.
        async let waited = after.nextPage()
        let third = try await node.create(note("Three", "3")).events
        #expect(try await waited.events.map(\.event.id) == third)
        #expect(try await node.follower(named: "other").cursor() == .start)
        let waiting = Task { [node] in try await node.log.nextPage(after: try await node.log.page(after: .start).next) }
        waiting.cancel()
        #expect(try await waiting.value.events.isEmpty)
        let longer = Task { [node] in try await node.log.nextPage(after: try await node.log.page(after: .start).next) }
        await node.stop()
        #expect(try await longer.value.events.isEmpty)
    }

    @Test func aHostWithADatabaseOfItsOwnFollowsBesideTheNode() async throws {
        let place = try await Place("alpha")
        let node = try await EmbeddedNode(configPath: place.config)
        let written = try await node.create(note("One", "1")).events
        let log = try await NodeLog(configPath: place.config)
        let page = try await log.nextPage(after: .start)
        #expect(page.events.map(\.event.id) == written && log.identity == node.identity)
        // What a host keeps in its own transaction is one text.
        let kept = page.next.text
        let more = try await node.create(note("Two", "2")).events
        let cursor = try #require(LogCursor(kept))
        #expect(try await log.page(after: cursor).events.map(\.event.id) == more)
        await log.close()
        await node.stop()
    }

    @Test func runEndsWithItsTask() async throws {
        let place = try await Place("alpha")
        let node = try await EmbeddedNode(configPath: place.config)
        let running = Task { try await node.run() }
        await #expect(throws: CommandFailure.self) { try await EmbeddedNode(configPath: place.config) }
        running.cancel()
        try await running.value
        await node.stop()
        // Its directory is free again.
        let again = try await EmbeddedNode(configPath: place.config)
        #expect(again.identity == node.identity)
        await again.stop()
    }

    @Test func itRunsWhileItIsUsedAndEndsAfterwards() async throws {
        let place = try await Place("alpha")
        let node = try await EmbeddedNode(configPath: place.config)
        let written = try await node.run { try await node.create(note("Tea", "Green")).events }
        await #expect(throws: WriteFailure.store(.readOnly)) { try await node.create(self.note("Late", "")) }
        let again = try await EmbeddedNode(configPath: place.config)
        await #expect(throws: StoreFailure.busy) { try await again.run { throw StoreFailure.busy } }
        let log = try await NodeLog(configPath: place.config)
        #expect(try await log.page(after: .start).events.map(\.event.id) == written)
        await log.close()
    }

    @Test(.timeLimit(.minutes(2))) func aPeerThatIsAddedWhileItRunsIsPolled() async throws {
        let place = try await Place("alpha")
        let node = try await EmbeddedNode(configPath: place.config)
        try await node.run {
            _ = try await PeerEditing.add(
                name: "beta", endpoint: "http://127.0.0.1:1", configPath: place.config, dryRun: false)
            while try await node.log.state.peer("beta")?.health.lastError?.reason != .networkRefused {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(node.config.peers.map(\.name) == ["beta"])
        }
    }

    @Test func anAddressThatIsTakenIsSaid() async throws {
        let first = try await Place.running("alpha")
        let second = try await Place("beta", listen: "127.0.0.1:\(first.port)")
        let other = try await EmbeddedNode(configPath: second.config)
        let failure = await #expect(throws: CommandFailure.self) { try await other.start() }
        #expect(failure?.code == .listen && failure?.facts["address"] == "127.0.0.1:\(first.port)")
        await first.node.stop()
        await other.stop()
    }
}
