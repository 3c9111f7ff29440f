import Kit

/// How a service writes a fault's body.
public enum FaultStyle: Sendable {
  /// Compute, block storage, shares: `{"itemNotFound": {"code": 404, "message": …}}`.
  case nova
  /// Identity: `{"error": {"code", "message", "title"}}`.
  case keystone
  /// Networks: `{"NeutronError": {"type", "message", "detail"}}`.
  case neutron
  /// Images: a small HTML page.
  case glance
  /// Placement and bare metal: `{"errors": [{"status", "request_id", "code", "title", "detail"}]}`.
  case placement

  /// What an OPTIONS is answered with: Keystone says 200, Glance and Placement know no such method (405). Nova's router
  /// finds nothing for it, and Neutron's takes it for a GET: instead of these accidents 204 says what is allowed.
  var optionsStatus: Int? {
    switch self {
    case .keystone: 200
    case .glance, .placement: nil
    case .nova, .neutron: 204
    }
  }

  func reply(_ fault: Fault, requestID: String) -> Reply {
    var reply: Reply
    switch self {
    case .glance: reply = html(fault)
    case .nova: reply = nova(fault)
    case .keystone:
      reply = Reply.json(fault.status) { json in
        json.field("error") {
          $0.field("code", fault.status)
          $0.field("message", fault.message)
          $0.field("title", Self.title(fault.status))
        }
      }
    case .neutron:
      reply = Reply.json(fault.status) { json in
        json.field("NeutronError") {
          $0.field("type", fault.type ?? Self.neutronType(fault.status))
          $0.field("message", fault.message)
          $0.field("detail", "")
        }
      }
    case .placement:
      reply = Reply.json(fault.status) { json in
        json.field("errors", [fault]) { json, fault in
          json.object {
            $0.field("status", fault.status)
            $0.field("title", Self.title(fault.status))
            $0.field("detail", fault.message)
            $0.field("request_id", requestID)
            $0.field("code", fault.type ?? "placement.undefined_code")
            if let range = fault.versions {
              $0.field("min_version", range.minimum.description)
              $0.field("max_version", range.maximum.description)
            }
          }
        }
      }
    }
    reply.headers += fault.headers
    return reply
  }

  private func nova(_ fault: Fault) -> Reply {
    Reply.json(fault.status) { json in
      json.field(fault.type ?? Self.novaKey(fault.status)) {
        $0.field("code", fault.status)
        $0.field("message", fault.message)
        if let retry = fault.headers.first(where: { $0.name == "Retry-After" }) { $0.field("retryAfter", retry.value) }
      }
    }
  }

  private func html(_ fault: Fault) -> Reply {
    let title = "\(fault.status) \(Self.title(fault.status))"
    let page =
      "<html>\n <head>\n  <title>\(title)</title>\n </head>\n <body>\n  <h1>\(title)</h1>\n  "
      + fault.message.htmlEscaped + "<br /><br />\n\n </body>\n</html>"
    return Reply(status: fault.status, body: .bytes(Array(page.utf8), contentType: "text/html; charset=UTF-8"))
  }

  private static func novaKey(_ status: Int) -> String {
    switch status {
    case 400: "badRequest"
    case 401: "unauthorized"
    case 403: "forbidden"
    case 404: "itemNotFound"
    case 405: "badMethod"
    case 406: "notAcceptable"
    case 408: "requestTimeout"
    case 409: "conflictingRequest"
    case 413, 429: "overLimit"
    case 414: "requestURITooLong"
    case 415: "badMediaType"
    case 431: "requestHeaderFieldsTooLarge"
    case 501: "notImplemented"
    case 503: "serviceUnavailable"
    default: "computeFault"
    }
  }

  private static func neutronType(_ status: Int) -> String {
    switch status {
    case 400: "HTTPBadRequest"
    case 401: "HTTPUnauthorized"
    case 403: "PolicyNotAuthorized"
    case 404: "HTTPNotFound"
    case 405: "HTTPMethodNotAllowed"
    case 409: "Conflict"
    case 408: "HTTPRequestTimeout"
    case 413: "HTTPRequestEntityTooLarge"
    case 414: "HTTPRequestURITooLong"
    case 429: "HTTPTooManyRequests"
    case 431: "HTTPRequestHeaderFieldsTooLarge"
    case 503: "HTTPServiceUnavailable"
    default: "HTTPInternalServerError"
    }
  }

  /// The reason phrase of RFC 9110.
  static func title(_ status: Int) -> String {
    switch status {
    case 300: "Multiple Choices"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Request Entity Too Large"
    case 415: "Unsupported Media Type"
    case 414: "Request-URI Too Long"
    case 416: "Requested Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    default: "Internal Server Error"
    }
  }
}

extension String {
  /// With the characters that HTML gives a meaning written as entities.
  var htmlEscaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#x27;")
  }
}
