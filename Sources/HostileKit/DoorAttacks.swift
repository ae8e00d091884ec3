import FederationCore

/// Paths, hosts, keys and proofs that are none.
extension ClientAttack {
    /// Targets of which none may be answered.
    private static func targets(_ name: String, _ summary: String, _ targets: String...) -> ClientAttack {
        ClientAttack(name, summary, [.status(404)], .path) { scene in targets.map { scene.get(scene.text($0)) } }
    }

    private static func methods(_ name: String, _ summary: String, _ lines: String...) -> ClientAttack {
        ClientAttack(name, summary, [.status(405)], .method) { scene in
            lines.map { scene.send("\($0) HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") }
        }
    }

    static let paths = [
        targets("up-the-tree", "Climbs out of the tree.", "/../../../../etc/passwd", "/federation/v1/../../../etc/shadow",
            "/mcp/../federation/v1/identity", "/federation/v1/./identity"),
        targets("encoded-path", "Climbs with escapes.", "/%2e%2e/%2e%2e/etc/passwd", "/federation%2fv1%2fidentity",
            "/federation/v1/%69dentity", "/%252e%252e/"),
        targets("doubled-slashes", "Doubles the slashes of a path.", "//federation/v1/identity", "/federation//v1/identity", "///mcp"),
        targets("nul-in-a-path", "Ends a path with a NUL.", "/federation/v1/identity%00", "/federation/v1/identity%00.html"),
        targets("path-in-capitals", "Writes a path in capitals.", "/FEDERATION/v1/identity", "/Mcp"),
        targets("back-slashes", "Writes a path with back slashes.", "/federation\\v1\\identity", "/..\\..\\windows\\win.ini"),
        targets("other-peoples-files", "Looks for files that others leave about.", "/.git/config", "/.env", "/wp-login.php",
            "/federation.yaml", "/federation.db", "/control.sock"),
        targets("absolute-form", "Asks for another server's page, as of a proxy.", "http://evil.example/federation/v1/identity",
            "http://{host}/federation/v1/identity"),
        targets("matrix-parameters", "Puts parameters into a path.", "/federation/v1/identity;a=b", "/mcp;jsessionid=1"),
        methods("other-methods", "Asks by methods that change things elsewhere.", "PUT /federation/v1/events", "DELETE /federation/v1/events",
            "PATCH /federation/v1/identity", "TRACE /federation/v1/identity", "PROPFIND /mcp", "get /federation/v1/identity"),
        methods("method-of-4000", "Asks by a method of 4,000 letters.", String(repeating: "M", count: 4000) + " /federation/v1/identity"),
        methods("stream-by-get", "Opens an event stream where there is none.", "GET /mcp", "DELETE /mcp"),
    ]

    /// Requests that differ in one field.
    private static func host(_ name: String, _ summary: String, _ sights: Set<Sight>, _ cause: RefusedRequests.Cause, _ fields: String...)
        -> ClientAttack
    {
        ClientAttack(name, summary, sights, cause) { scene in
            fields.map { scene.send("GET /federation/v1/identity HTTP/1.1\r\n\($0)Connection: close\r\n\r\n") }
        }
    }

    private static let unauthorized: Set<Sight> = [.status(401)]

    static let doors = [
        host("rebound-name", "Comes by a name that leads here, as a rebound web page does.", [.status(403)], .foreignHost,
            "Host: evil.example\r\n", "Host: evil.example:80\r\n", "Host: 127.0.0.1.evil.example\r\n", "Host: 169.254.169.254\r\n"),
        host("host-that-is-none", "Names a host that is none.", [.status(400)], .badHost,
            "Host: \r\n", "Host: 127.0.0.1:99999\r\n", "Host: 127.0.0.1:x\r\n", "Host: [::1\r\n"),
        host("foreign-page", "Comes from a web page of another origin.", [.status(403)], .foreignOrigin,
            "Host: {host}\r\nOrigin: https://evil.example\r\n", "Host: {host}\r\nOrigin: null\r\n",
            "Host: {host}\r\nOrigin: http://{host}.evil.example\r\n", "Host: {host}\r\nOrigin: http://{host}\r\nOrigin: null\r\n"),
        ClientAttack("no-key", "Asks without a key.", unauthorized, .key, at: .keyed) { scene in
            ["/federation/v1/identity", "/federation/v1/events", "/mcp", "/", "/nothing"].map { scene.get($0) }
        },
        ClientAttack("key-elsewhere", "Puts a key where none is looked for.", unauthorized, .key, at: .keyed) { scene in
            [
                scene.get("/federation/v1/identity?key=a-key-that-was-guessed&access_token=a-key-that-was-guessed"),
                scene.get("/federation/v1/identity", "Cookie: key=a-key-that-was-guessed\r\n"),
                scene.get("/federation/v1/identity", "Authorization: Basic YTpi\r\n"),
                scene.get("/federation/v1/identity", "Authorization: Bearer\r\n"),
                scene.get("/federation/v1/identity", "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n"),
            ]
        },
        ClientAttack("guessed-keys", "Tries three hundred keys.", [.status(401), .status(429)], .rate, at: .keyed) { scene in
            (0..<300).map { scene.get("/federation/v1/identity", "Authorization: Bearer guess-number-\($0)\r\n") }
        },
        ClientAttack("guesses-behind-a-proxy", "Tries keys, and says each time that it is somebody else.",
            [.status(401), .status(429)], .rate, at: .keyed
        ) { scene in
            (0..<300).map {
                scene.get("/federation/v1/identity", "Authorization: Bearer guess-\($0)\r\nX-Forwarded-For: 10.0.0.\($0 % 250)\r\n")
            }
        },
        ClientAttack("key-of-a-megabyte", "Tries a key of thirty thousand characters.", [.status(401), .status(431)], .key, at: .keyed) {
            [$0.get("/federation/v1/identity", "Authorization: Bearer \(String(repeating: "k", count: 30_000))\r\n"), $0.get("/")]
        },
        ClientAttack("forged-proof", "Says that it is a peer, and signs with a key of its own.", [.status(200)], .proof) { scene in
            let signature = HostileNode("liar").sign(Array("federation-request-v1\n".utf8))
            return [
                scene.get("/federation/v1/events?limit=1", "Federation-Node: \(scene.peer)\r\nFederation-Proof: 1775000000 \(scene.peer) \(signature)\r\n")
            ]
        },
        ClientAttack("proof-of-junk", "Proves with what is no proof.", [.status(200)], .proof) { scene in
            ["x", "1 2 3", "-1 \(scene.peer) ed25519:", String(repeating: "9", count: 4000)].map {
                scene.get("/federation/v1/events?limit=1", "Federation-Node: \(scene.peer)\r\nFederation-Proof: \($0)\r\n")
            }
        },
        ClientAttack("claimed-node", "Says that it is nobody who could be.", [.status(400)], .request) { scene in
            ["x", "01knjx4991asw6nnks9bqhncgb", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"].map {
                scene.get("/federation/v1/events", "Federation-Node: \($0)\r\n")
            }
        },
    ]
}
