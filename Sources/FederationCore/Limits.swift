/// Every bound on what comes from outside, in one place. `docs/limits.md` lists them with their reasons.
///
/// What refuses an event by size or shape is here and is never a setting: if nodes could differ, their sets of
/// events would differ for ever.
public enum Limits: Sendable {
    // Events

    /// Bytes of one event as it comes over a wire, all fields together.
    package static let eventBytes = 4 << 20
    /// Bytes of an event's `data`.
    package static let eventDataBytes = 4 << 20 - 64 << 10
    /// Bytes of each of an event's short texts (action, trace id, origin name, timestamp, cortex id).
    package static let eventTextBytes = 1024
    /// Entries of one received clock: the 256 of a full ring and its author's own.
    package static let receivedClockEntries = 257
    /// Counters stay below this, so that adding one never overflows and SQLite can hold them.
    package static let counter: UInt64 = 1 << 63
    /// Entries of the node-wide clock (Noema section 1.7).
    public static let nodeClockEntries = 256
    /// Origins that a person has taken out of it and that are remembered, so that mentions do not bring them back.
    package static let forgottenOrigins = 1024
    /// Entries of the merge a write carries.
    package static let recordClockEntries = 4096
    /// An own entry in a stored clock is followed at most this far ahead of our own numbers.
    package static let ownNumberLead: UInt64 = 1 << 32

    // Time

    /// An id further ahead of our clock is early: kept, relayed and applied, but not yet served to Noema.
    package static let earlyAfter: Duration = .seconds(5 * 60)
    /// An id further ahead of our clock is deferred: kept aside until its time is near.
    package static let deferredAfter: Duration = .seconds(24 * 3600)

    /// What a purge took away goes for good this long after it came, unless its signature lets it go at once.
    package static let purgeGrace: Duration = .seconds(7 * 24 * 3600)

    // JSON

    package static let jsonDepth = 64
    /// Values (of any kind) in one JSON text; a page of a thousand events has far fewer.
    package static let jsonValues = 2_000_000

    // The process

    /// Descriptors that a daemon asks the system for, as far as it may have them.
    package static let descriptors = 16_384
    /// Fewer than this, and it does not start.
    package static let leastDescriptors = 128
    /// Of them, those that are not for connections of others.
    package static let descriptorsKept = 64

    // Transfers

    /// Bytes of one answer that a peer gives us.
    package static let answerBytes = 112 << 20
    /// Bytes of one answer that a native peer gives us: a page, an event of the greatest size, and what comes with them.
    package static let nativeAnswerBytes = 16 << 20
    /// Bytes of an answer that are taken whatever else is under way, and bytes of all answers together past those.
    package static let answerShare = 1 << 20
    package static let answerBytesHeld = 256 << 20
    /// Bytes of an answer that carries no events.
    package static let smallAnswerBytes = 1 << 20
    /// Bytes of one request body that our server accepts.
    package static let requestBytes = 5 << 20
    /// Bytes of all request bodies that our server holds at one time.
    package static let requestBytesHeld = 64 << 20
    /// Bytes of an answer of our server that it holds however many others are under way, and bytes of all answers together
    /// past those.
    package static let servedShare = 64 << 10
    package static let servedBytesHeld = 256 << 20
    /// Bytes of an answer's header section, interim answers and trailers counted in.
    package static let answerHeaderBytes = 64 << 10
    /// Bytes of memory for a request's first line and header fields.
    package static let requestHeaderBytes = 32 << 10
    /// Connections that our server holds open, in all and from one address.
    package static let connections = 512
    package static let connectionsPerAddress = 128
    /// Connections of those who watch this node.
    package static let monitorConnections = 64
    /// Connections of browsers that look at the page, in all and from one address (a browser opens six), and of those how
    /// many wait for news, in all and from one address.
    package static let pageConnections = 64
    package static let pageConnectionsPerAddress = 24
    package static let pageHeld = 24
    package static let pageHeldPerAddress = 8
    /// Bytes of what a browser sends: a text that resolves a divergence.
    package static let pageRequestBytes = 5 << 20
    /// How long the page's answer is held while there is no news.
    package static let pageWait: Duration = .seconds(20)
    /// Events and bytes of the log that one answer of the page tells of, and rows of its other lists.
    package static let pageEventsTold = 100
    package static let pageEventBytes = 1 << 20
    package static let pageRows = 200
    /// Peers whose last day one answer of the page tells of.
    package static let pagePeers = 100
    /// How far back the history of a peer's polls goes in steps of ten minutes, and how many steps there are of it,
    /// those of an hour before that with them.
    package static let historyFine: Duration = .seconds(24 * 3600)
    package static let historyRows = 320
    package static let requestsPerSecond = 500
    package static let requestBurst = 2000
    /// Polls a second of a peer that is followed, in the long run, and at one time after a pause: fewer than it allows.
    package static let followsPerSecond = 400
    package static let followBurst = 1500
    package static let refusalsPerSecond = 10
    package static let refusalBurst = 100
    package static let sendersRemembered = 1024
    package static let keyLength = 16
    package static let proofAge: Duration = .seconds(300)
    /// The widest window of a zstd body that is decoded: what HTTP allows (RFC 9659).
    package static let zstdWindowBytes = 8 << 20
    /// Bytes that a zstd body may become whatever it was, as it is no longer than a page; past them at most this many
    /// times its own.
    package static let zstdFreeBytes = 16 << 20
    package static let zstdRatio = 64
    /// A page of fewer bytes is served as it is: it fits in one packet either way.
    package static let zstdLeastBytes = 1 << 10
    package static let requestDeadline: Duration = .seconds(60)
    /// How long our native wire holds an answer at most while there is no news; whoever asks for longer gets this.
    package static let longestHold: Duration = .seconds(55)
    /// How long we ask a peer to hold its answer.
    package static let hold: Duration = .seconds(45)
    /// Requests that our server holds, in all and from one address; further ones are answered at once.
    package static let heldRequests = 256
    package static let heldRequestsPerAddress = 64
    /// Bytes of a page that our native wire serves; at least one event, however long.
    package static let pageBytes = 8 << 20
    /// Events of a page that our native wire serves.
    package static let pageEvents = 1000
    /// Bytes of a page that we push, at least one event however long, and of the first one; a page that comes to us has
    /// to be within what a request may have, before and after it is decoded.
    package static let pushBytes = 4 << 20
    package static let pushFirstBytes = 256 << 10
    /// Pages that come to us and are looked at together; more wait, and further ones are told to come again.
    package static let pushesAtOnce = 2
    package static let pushesWaiting = 64
    /// Requests of one poll that are sent before they are asked for, and bytes of all their answers.
    package static let requestsAhead = 8
    package static let bytesAhead = 32 << 20
    /// Places ahead of a page's end that our native wire names, and a puller takes.
    package static let marks = 16
    /// Events that one native request may name by digest.
    package static let eventsByDigest = 1000
    /// Items that are looked through for the events of one such request.
    package static let itemsSearched = 50_000
    /// Bytes of a message of a comparison that we make, and of one that we read.
    package static let reconcileFrameBytes = 64 << 10
    package static let reconcileMessageBytes = 256 << 10
    /// Messages of one comparison: an honest one of a million events that differ everywhere has some hundreds.
    package static let reconcileRounds = 4096
    /// Times that one comparison begins again after it has fetched something.
    package static let reconcilePasses = 4
    /// Events that one comparison asks for; the next one goes on.
    package static let reconcileFetched = 200_000
    /// Differences that a report lists of each kind; it counts all.
    package static let reconcileListed = 10_000
    /// Origins whose digests are told one by one …
    package static let digestedOrigins = 1000
    /// … while no more events than this lie after the moment of the comparison.
    package static let digestedAfterBound = 10_000
    /// Characters of a session id that an MCP server gives.
    package static let sessionIDLength = 256
    /// Characters of a native position; to a puller it is an opaque text.
    package static let positionLength = 128
    /// Events, and bytes, that a peer may say follow a page: more than any log has, so few that a thousand such sums fit.
    package static let restSaid: Int64 = 1 << 50
    /// Holes in the numbers of origins that a poll looks at, the newest first; older ones are for comparisons …
    package static let holesSeen = 1000
    /// … and that it asks a peer for, each by some pages at most.
    package static let holesAsked = 16
    package static let holePages = 100
    /// Origins that `status` tells of one by one, and holes of each.
    package static let originsListed = 1000
    package static let holesListed = 100
    /// Events that one native request may name by id.
    package static let eventsByID = 100
    /// Events a Noema client asks for, and its server gives when no valid limit is named (Noema section 2.2).
    package static let noemaPageEvents = 100
    /// Ids of documents in one mesh request, and so about what one mesh session looks for.
    package static let meshIDs = 10_000
    /// A message that our side of a mesh session makes …
    package static let meshFrameBytes = 256 << 10
    /// … and the longest that it takes.
    package static let meshMessageBytes = 512 << 10
    /// Messages of one mesh session.
    package static let meshRounds = 1024
    /// Ids that a mesh session keeps of what differs.
    package static let meshDifferences = 4 << 20
    /// What a line with a document has beside the document.
    package static let meshLineBytes = 64 << 10
    /// Versions of one mesh peer that were given and not taken, which are not asked for again.
    package static let meshDeclined = 1000
    /// Conversations that one peer has asked to be called back in and that have not begun.
    package static let callBacksWaiting = 64
    /// Pages of one poll: a peer that never ends is stopped, and polled again at the next interval.
    package static let pagesPerPoll = 100_000

    // Attestations

    /// Attestations that one native answer carries behind its events.
    package static let attestationsPerPage = 256
    /// Events that are hashed for the attestations of one page, of all origins …
    package static let chainLinks = 65_536
    /// … and the most that we let one of our own cover, so that whoever lacks some before can follow.
    package static let checkpointLinks = 1024
    /// A checkpoint follows so many events of ours at once …
    package static let checkpointEvents = 64
    /// … or so many that were written in one transaction …
    package static let checkpointTogether = 4
    /// … and fewer once we have written nothing for this long.
    package static let checkpointQuiet: Duration = .seconds(5)
    package static let ownHolePatience: Duration = .seconds(24 * 3600)
    /// Attestations of one origin that contradict it, kept as evidence.
    package static let conflictingAttestations = 16
    /// The last changes of our key that a pushed page names, for whoever has pinned an earlier one.
    package static let successionsPushed = 8
    /// Changes of key of one origin.
    package static let successions = 256

    // Quarantine

    /// Bytes of one refused event kept as evidence; longer ones keep their beginning.
    package static let evidenceBytes = 64 << 10
    /// Rows of evidence kept for one peer; the oldest go first.
    package static let evidenceRowsPerPeer = 1000
    /// Events of one peer that wait for their time; those furthest ahead go first.
    package static let deferredRowsPerPeer = 1000
    /// The third variant that takes one id waits this long after the second, each later one twice as long …
    package static let variantWait: Duration = .seconds(60)
    /// … up to this.
    package static let variantWaitMax: Duration = .seconds(3600)

    // The store

    /// What a file system keeps free: below it the log takes in nothing more.
    package static let diskReserve: Int64 = 64 << 20
    /// A database up to this size is looked at page by page before a daemon writes to it; a larger one while it runs.
    package static let pagesCheckedFirst: Int64 = 16 << 20

    // Configuration

    package static let configBytes = 1 << 20
    package static let configDepth = 32
    /// Values (of any kind, keys too) in one configuration file.
    package static let configValues = 50_000
    /// Problems listed of one text that is not even text; the rest would be more of the same.
    package static let configProblems = 100
    package static let configPeers = 1000

    // Previews

    /// Pages of a peer's log that a preview may read …
    package static let previewPages = 20
    /// … and their bytes: it stops with the page that passes them.
    package static let previewBytes = 32 << 20
    /// Requests of one preview: pages, and a few to say hello and goodbye.
    package static let previewRequests = 40

    // Pairing

    /// What a peer that waits for a person, and comes to us, shows anew is remembered at most this often.
    package static let pairingPause: Duration = .seconds(60)

    // Announcements

    /// Suggestions of nodes that are kept, one of each who made any; the oldest goes.
    package static let announcements = 32
    /// What one of them says anew is taken in at most this often.
    package static let announcementPause: Duration = .seconds(60)

    // Imports

    /// Files of one tree.
    package static let importFiles = 200_000
    /// Directories one within another.
    package static let importDepth = 64
    /// Bytes of one file.
    package static let importFileBytes = 4 << 20 - 64 << 10
    /// Files or events that are taken in by one transaction …
    package static let importBatchItems = 500
    /// … and their bytes, as they are handed to it.
    package static let importBatchBytes = 8 << 20
    /// Problems that an import lists, and files it has written; the rest are counted.
    package static let importListed = 1000

    // Compaction

    /// Records that one transaction of a compaction looks at …
    package static let compactionRecords = 500
    /// … and bytes of their events: it ends with the record that passes them.
    package static let compactionBytes = 16 << 20

    // Bundles

    /// Bytes of a line of a bundle that says what follows.
    package static let bundleLineBytes = 64 << 10
    /// Bytes of it that say how far its node has read the logs of others.
    package static let bundleHoldsBytes = 32 << 10
    /// Bytes of a page of a bundle, before and after it is decoded.
    package static let bundlePageBytes = 5 << 20

    // The control socket

    /// Bytes of a command with its file.
    package static let controlRequestBytes = 16 << 20
    /// Bytes of a command's result.
    package static let controlAnswerBytes = 1 << 30
    /// How long an answer is held that waits for news of the log.
    package static let followWait: Duration = .seconds(20)
    /// Records that one command changes, in one transaction.
    package static let recordsPerCommand = 1000
    /// Bytes of a text that records are searched for.
    package static let searchTextBytes = 1024
    /// Bytes of records that a search looks through in one view of the database; then it takes a newer one.
    package static let searchStepBytes = 16 << 20
    /// A command may catch up with a long log.
    package static let controlDeadline: Duration = .seconds(24 * 3600)
    /// … and for one that only says how it is.
    package static let statusPatience: Duration = .seconds(60)
    /// What asks only how a daemon is does not wait for one that hangs.
    package static let supportPatience: Duration = .seconds(10)
    /// A large database on a slow disk is not waited for.
    package static let supportCheck: Duration = .seconds(60)

    // The service manager

    /// Sockets that it opens in our place.
    package static let handedOverSockets = 16
    /// Lines of its log that a daemon remembers for whoever helps.
    package static let logRemembered = 500
    /// How long what is in hand may take to end once the daemon is told to stop.
    package static let drain: Duration = .seconds(60)
    /// A start that brings a large database up to date asks for this much more time, as long as it gets on.
    package static let openingStep: Duration = .seconds(60)

    // Followers of the log

    /// Events that a cursor of the log names because they were held when it passed them.
    package static let cursorWaiting = 1000

    // Replayers outside this program

    /// Replayers that a configuration names.
    package static let replayers = 16
    /// Bytes of a line that a program says …
    package static let replayerLineBytes = 64 << 10
    /// … of what it says of one failure …
    package static let replayerReasonBytes = 1 << 10
    /// … and of a line of its standard error that is logged.
    package static let replayerLogBytes = 1 << 10
    /// Lines of its standard error that are logged in a second, and at one time.
    package static let replayerLogRate = 10
    package static let replayerLogBurst = 100
    /// Lines that a program has said and that are not looked at yet: it is read no further.
    package static let replayerLinesWaiting = 256
    /// Subjects whose events wait behind one that failed; with so many, nothing further is given.
    package static let replayerLanes = 1000
    /// Events that wait and are given at one time: their bytes are bounded one by one.
    package static let replayerLanesAtOnce = 4
    /// Answers of one run of a program to what it had answered.
    package static let replayerRepeats = 1000
    /// How long a program may take to say hello …
    package static let replayerHello: Duration = .seconds(30)
    /// … and to end, before it is told in a harder way.
    package static let replayerGrace: Duration = .seconds(5)
    /// The wait before a program is started again, or an event is given again; each later one is twice as long …
    package static let replayerFirstWait: Duration = .seconds(1)
    /// … up to this.
    package static let replayerLongestWait: Duration = .seconds(60)

    // Notes as files

    /// Bytes of a note's file.
    package static let noteBytes = 9 << 20
    /// Notes of one directory.
    package static let notes = 50_000
    /// Names that are looked at in a directory of notes.
    package static let noteEntries = 200_000
    /// Files of it that something has happened to, and that wait until they are looked at.
    package static let noteNames = 10_000
    /// Files that `status` names as left alone.
    package static let noteProblems = 100
    /// So many may be deleted at once; of more it is asked whether they are half of all.
    package static let noteDeletions = 20
    /// Events of the log that are taken at one time.
    package static let noteBatch = 200

    // Names

    package static let peerNameLength = 64
    /// Characters of a peer's version that are kept.
    package static let versionLength = 64
}
