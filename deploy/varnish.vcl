# Varnish in front of Consentry, with [cache] shared = true: pages for visitors who have not chosen, or refused
# everything, are kept; everybody else's pass. TLS ends before Varnish (hitch, nginx, HAProxy); Consentry trusts Varnish
# ([listen] trusted) for the visitor's address and, if one is set before it, the header with their region.
#
# A visitor's variant is their consent cookie, if it refuses everything (whoever refused on the same day has the very same
# one), their language, region and Sec-GPC. Consentry works it out anew, and lets a page be kept only where it comes to
# the same.

vcl 4.1;

import std;

backend consentry {
    .host = "127.0.0.1";
    .port = "8000";
    .first_byte_timeout = 75s;
    .between_bytes_timeout = 75s;
}

sub vcl_recv {
    unset req.http.Consentry-Variant;   # nobody else's word on it
    unset req.http.X-Consent;

    if (req.http.Upgrade ~ "(?i)websocket") {
        return (pipe);
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # Pages alone; what else browsers load goes the ordinary way (below).
    if (req.http.Sec-Fetch-Dest != "document" && (req.http.Sec-Fetch-Dest || req.http.Accept !~ "text/html")) {
        return (pass);
    }
    if (req.http.Authorization || req.http.Range || req.http.X-Requested-With ||
        req.http.Sec-Purpose || req.http.Purpose || req.url ~ "^/_consent(/|\?|$)") {
        return (pass);
    }
    if (!req.http.Cookie) {
        set req.http.X-Consent = "none";
    } elseif (req.http.Cookie ~ "^__(Host|Secure)-consent=1~[0-9]+~[0-9]+~0~[ion]~[arsw]~0~~~\.[A-Za-z0-9_-]+$") {
        set req.http.X-Consent = regsub(req.http.Cookie, "^[^=]+=", "");
    } else {
        return (pass);
    }

    # The language that is named first, without a weight, is the best one; who says it in another way passes.
    if (req.http.Accept-Language ~ "(?i)^\s*(ar|de|en|es|fr|it|nl|pl|pt|ru|zh)(-[a-z0-9-]+)?\s*(,|$)") {
        set req.http.X-Language = regsub(std.tolower(req.http.Accept-Language), "^\s*([a-z]+).*$", "\1");
    } elseif (req.http.Accept-Language ~ "^\s*$" || !req.http.Accept-Language) {
        set req.http.X-Language = "en";
    } else {
        return (pass);
    }
    set req.http.X-Signal = "0";
    if (req.http.Sec-GPC ~ "(^|,)\s*1\s*(,|$)") {
        set req.http.X-Signal = "1";
    }
    # The header that [region] headers names; here CF-IPCountry.
    set req.http.Consentry-Variant = req.http.X-Consent + "/" + req.http.X-Language + "/" + req.http.CF-IPCountry + "/" +
        req.http.X-Signal;
    unset req.http.X-Consent;
    unset req.http.X-Language;
    unset req.http.X-Signal;
    return (hash);
}

sub vcl_pipe {
    set bereq.http.Upgrade = req.http.Upgrade;
    set bereq.http.Connection = req.http.Connection;
}

sub vcl_backend_response {
    # Kept only where Consentry says so, and for no longer (RFC 9213).
    if (bereq.http.Consentry-Variant && beresp.http.Consentry-Variant == bereq.http.Consentry-Variant &&
        beresp.http.Vary ~ "Consentry-Variant" && beresp.http.CDN-Cache-Control ~ "^max-age=[0-9]+$") {
        set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^max-age=([0-9]+)$", "\1s"), 0s);
        set beresp.grace = 0s;
    } else {
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        set beresp.grace = 0s;
    }
    return (deliver);
}

sub vcl_deliver {
    unset resp.http.CDN-Cache-Control;
    unset resp.http.Consentry-Variant;
    unset resp.http.X-Varnish;
}
