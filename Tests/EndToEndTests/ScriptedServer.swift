import HostileKit

/// Peers that answer as none should.
extension ScriptedServer {
    /// Accepts, and says nothing.
    static func stalling() -> ScriptedServer { ScriptedServer { _ = $0.receive() } }

    /// Breaks each connection off with a reset.
    static func resetting() -> ScriptedServer {
        ScriptedServer {
            _ = $0.receiveHead()
            $0.reset()
        }
    }

    /// Ends each connection in the middle of its answer.
    static func cuttingOff() -> ScriptedServer {
        ScriptedServer {
            _ = $0.receiveHead()
            $0.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"id\":")
            $0.close()
        }
    }
}
