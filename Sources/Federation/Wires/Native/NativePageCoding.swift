import FederationCore
import FederationHTTP

/// How a page of events travels: in zstd for whoever asks for it, if it is long enough to gain by it.
///
/// Also on loopback: the ends of a tunnel look like it, and a page costs a thirtieth more of the processor's time there.
enum NativePageCoding {
    static func coded(_ response: HTTPResponse, for request: ServedRequest) -> HTTPResponse {
        guard response.status == 200, response.fields.mediaType == NativeRoutes.pageType else { return response }
        var response = response
        response.fields["Vary"] = "Accept-Encoding"
        guard response.body.count >= Limits.zstdLeastBytes,
            AcceptedCodings(request.fields["Accept-Encoding"]).includesZstd,
            let frame = Zstd.compress(response.body), frame.count < response.body.count
        else { return response }
        response.fields["Content-Encoding"] = Zstd.name
        response.body = frame
        return response
    }
}
