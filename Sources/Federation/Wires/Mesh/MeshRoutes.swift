internal import FederationConfig
internal import FederationCore
internal import Negentropy

/// What the mesh wire serves: who is here, one message of a reconciliation, and documents by id.
///
/// Nothing is kept between requests but the set, so a session cannot be left half open, two of them with one peer do
/// not meet, and one that its initiator cancels is simply not heard of again.
struct MeshRoutes {
    let node: NodeIdentity
    /// What whoever asks is given.
    let carried: MeshCarry
    let sets: MeshSets
    let bounds: MeshBounds
    let view: any LogReading

    static let path = "/federation/v1/mesh"
    static let reconcilePath = path + "/reconcile"
    static let documentsPath = path + "/documents"
    /// The query parameter that says what a session is about.
    static let carryName = "carry"

    private typealias Refusal = NativeRoutes.Refusal

    func respond(to request: ServedRequest, asker: ULID?) throws(StoreFailure) -> RouteReply {
        let method = request.path == MeshRoutes.path ? "GET" : "POST"
        guard [MeshRoutes.path, MeshRoutes.reconcilePath, MeshRoutes.documentsPath].contains(request.path) else {
            return RouteReply(Refusal(status: 404, code: "not_found", message: "There is nothing here.").response())
        }
        guard request.method == method else {
            return RouteReply(.otherMethod(than: method, asked: request.method))
        }
        guard asker != nil || request.fields[NativeField.node] == nil else {
            let refusal = Refusal(status: 400, code: "invalid_node", message: "\(NativeField.node) must be a ULID.")
            return RouteReply(refusal.response())
        }
        let greeting = MeshGreeting(node: node, carried: carried)
        let response: HTTPResponse
        if request.path == MeshRoutes.path {
            response = .json(200, greeting.json)
        } else {
            response = try answer(request)
        }
        return RouteReply(claimedNode: asker) { _ in response.with(greeting.fields) }
    }

    private func answer(_ request: ServedRequest) throws(StoreFailure) -> HTTPResponse {
        let question: Question
        do throws(Refusal) { question = try self.question(request) } catch { return error.response() }
        switch question {
        case .reconcile(let message, let key):
            let set = try sets.set(key, of: view)
            var responder = Responder(store: set.items, settings: bounds.messages, hash: meshHash)
            do throws(ReconcileFailure) {
                let answer = try responder.answer(message)
                return HTTPResponse(status: 200, fields: ["Content-Type": MeshRoutes.messageType], body: answer)
            } catch {
                return Refusal(
                    status: 400, code: "invalid_message", message: "This is no message of Negentropy version 1."
                ).response()
            }
        case .documents(let ids, let key):
            return try documents(ids, key)
        }
    }

    private enum Question {
        case reconcile([UInt8], MeshSets.Key)
        case documents([ItemID], MeshSets.Key)
    }

    private func question(_ request: ServedRequest) throws(Refusal) -> Question {
        guard node.mode.serves else {
            throw Refusal(status: 403, code: "subscribe_mode", message: "A node in subscribe mode serves no documents.")
        }
        guard let asked = MeshCarry(rawValue: request.parameter(MeshRoutes.carryName) ?? MeshCarry.documents.rawValue)
        else {
            let known = MeshCarry.allCases.map(\.rawValue).joined(separator: " or ")
            throw Refusal(status: 400, code: "invalid_carry", message: "\(MeshRoutes.carryName) must be \(known).")
        }
        guard asked == carried || asked == .documents else {
            throw Refusal(
                status: 403, code: "not_carried", message: "No entry of this node's peers gives \(asked.rawValue) to you.")
        }
        let key = MeshSets.Key(node: node.id, carried: asked)
        guard request.path == MeshRoutes.documentsPath else { return .reconcile(request.body, key) }
        return .documents(try wanted(request.body), key)
    }

    static let messageType = "application/octet-stream"
    static let documentsType = "application/x-ndjson"

    private func wanted(_ body: [UInt8]) throws(Refusal) -> [ItemID] {
        guard body.count % ItemID.length == 0, body.count <= Limits.meshIDs * ItemID.length else {
            throw Refusal(
                status: 400, code: "invalid_ids",
                message: "The body must be ids of \(ItemID.length) bytes each, at most \(Limits.meshIDs).")
        }
        return stride(from: 0, to: body.count, by: ItemID.length).compactMap { ItemID(body[$0..<$0 + ItemID.length]) }
    }

    /// The documents of these ids that are here, in the order in which they came here, as many as a page holds.
    private func documents(_ ids: [ItemID], _ key: MeshSets.Key) throws(StoreFailure) -> HTTPResponse {
        let set = try sets.set(key, of: view)
        var page = DocumentLines()
        var isCut = false
        for seq in Set(ids.compactMap { set.place(of: $0) }).sorted() {
            guard let id = try view.id(at: seq), let stored = try view.event(id),
                let item = SyncItem(of: stored.event, digest: stored.digest), set.place(of: item.id) == seq
            else {
                // Another program took it out of the log.
                sets.forget(key)
                continue
            }
            guard let line = MeshDocument.line(of: stored.event) else { continue }
            guard page.append(line) else {
                isCut = true
                break
            }
        }
        return page.response(isCut: isCut)
    }
}

/// Documents as lines, up to the size of a page but always at least one.
private struct DocumentLines {
    private var count = 0
    private var bytes: [UInt8] = []

    mutating func append(_ line: [UInt8]) -> Bool {
        guard count < Limits.pageEvents, count == 0 || bytes.count + line.count < Limits.pageBytes else { return false }
        bytes += line
        bytes.append(0x0A)
        count += 1
        return true
    }

    func response(isCut: Bool) -> HTTPResponse {
        var fields: HTTPFields = ["Content-Type": MeshRoutes.documentsType]
        fields[NativeField.count] = String(count)
        fields[NativeField.more] = isCut ? "true" : "false"
        return HTTPResponse(status: 200, fields: fields, body: bytes)
    }
}

extension HTTPResponse {
    /// With these fields, each in the place of one of the same name.
    fileprivate func with(_ others: HTTPFields) -> HTTPResponse {
        var response = self
        for field in others.fields { response.fields[field.name] = field.value }
        return response
    }
}
