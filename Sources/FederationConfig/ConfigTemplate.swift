import FederationCore

/// The configuration that `init` writes: what must be said, and what can be, as comments.
package enum ConfigTemplate {
    /// The text for a node of this name. It has no problems where the values have none; they are not judged here.
    package static func text(
        name: String, listen: ListenAddress?, data: String = Config(name: "").data, interval: String? = nil
    ) -> String {
        let defaults = Config(name: name)
        let polling = interval.map { "interval: \($0.yamlScalar)" } ?? "#interval: \(defaults.interval.shortText)"
        let listening = listen.map { "listen: \($0.description.yamlScalar)" } ?? "#listen: 127.0.0.1:4001"
        return """
            # One node of a federation. docs/configuration.md describes every key (of the Debian package:
            # /usr/share/doc/federation/configuration.md.gz); one that is commented out shows its default, or an example.

            # What peers and people call this node.
            name: \(name.yamlScalar)

            # Where the database and the key are, seen from this file.
            data: \(data.yamlScalar)

            # Where this node listens: ADDRESS:PORT. Beyond this machine it takes TLS and a key:
            # see 'tls' and 'access' below. Without it the node polls its peers, and they cannot poll it.
            \(listening)

            # sync: fetch and serve; publish: only serve; subscribe: only fetch.
            #mode: \(defaults.mode.rawValue)

            # How long after one poll of a peer the next one begins.
            \(polling)

            # What to do with events whose signature is missing or wrong: off (do not look),
            # warn (take them in and count them), enforce (refuse them).
            #verify: \(defaults.verify.rawValue)

            # debug, info, warning or error.
            #log:
            #  level: \(defaults.log.level.rawValue)
            #  format: \(defaults.log.format.rawValue)

            # What the database may take on disk; without it as much as there is.
            #store:
            #  max_size: 2GB

            # The key that every node of the ring sends and asks for; the file's mode is 0600.
            # 'federation key new ring.key' makes one.
            #access:
            #  shared_key_file: ring.key

            # HTTPS, beside or in place of 'listen'.
            #tls:
            #  listen: 192.0.2.10:4443
            #  certificate: tls/cert.pem
            #  key: tls/key.pem

            # A page for browsers on this machine (docs/page.md; in the package page.md.gz).
            # A key lets it also resolve, and is asked for elsewhere.
            #page:
            #  listen: 127.0.0.1:8470
            #  key_file: page.key

            # The other nodes of the ring. 'federation add-peer' adds one; by hand it is
            #
            #peers:
            #  - name: beta
            #    endpoint: http://127.0.0.1:4002
            peers: []

            """
    }
}
