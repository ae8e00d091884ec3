internal import FederationCore
internal import FederationHTTP
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Lets commands of this machine reach the daemon, over a socket in the data directory that only its owner may use.
struct ControlServer: Sendable {
    let service: CommandService

    func answer(_ request: ServedRequest) async -> HTTPResponse {
        guard request.method == "POST", let name = CommandName.allCases.first(where: { $0.target == request.path }) else {
            return failure(CommandFailure(.badRequest), status: 404)
        }
        do throws(CommandFailure) {
            let result = try await service.perform(name, request.body)
            #if FAIL_POINTS
                FailPoint.commandDone.pass()
            #endif
            return HTTPResponse(status: 200, fields: ["Content-Type": "application/json"], body: result)
        } catch {
            return failure(error, status: 409)
        }
    }

    private func failure(_ failure: CommandFailure, status: Int) -> HTTPResponse {
        HTTPResponse(status: status, fields: ["Content-Type": "application/json"], body: failure.json)
    }

    /// Bounds that fit commands: a `sync` ends when every peer is caught up, however long that takes.
    static var limits: HTTPServerLimits {
        var limits = HTTPServerLimits()
        limits.bodyBytes = Limits.controlRequestBytes
        limits.handle = Limits.controlDeadline
        limits.send = Limits.controlDeadline
        return limits
    }
}
