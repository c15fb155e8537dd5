/* Written for Consentry's demo. Acts as fbevents.js does: it works off fbq.queue, keeps _fbp, sends pixels. */
(function () {
  'use strict';
  var fbq = window.fbq, pixels = [];
  if (!fbq || fbq.version === '2.9.999') return;
  fbq.version = '2.9.999';

  function browser() {
    var found = document.cookie.match('(?:^|; )_fbp=([^;]*)');
    var value = found ? found[1] : 'fb.1.' + Date.now() + '.' + Math.floor(Math.random() * 1e18);
    document.cookie = '_fbp=' + value + '; path=/; max-age=7776000; SameSite=Lax';
    return value;
  }
  function send(event, details) {
    pixels.forEach(function (pixel) {
      var fields = { id: pixel, ev: event, dl: location.href, rl: document.referrer, 'if': window !== window.top,
        ts: Date.now(), sw: screen.width, sh: screen.height, v: fbq.version, r: 'stable', o: 30, fbp: browser() };
      Object.keys(details || {}).forEach(function (key) { fields['cd[' + key + ']'] = details[key]; });
      new Image().src = 'https://www.facebook.com/tr/?' + Object.keys(fields).map(function (key) {
        return encodeURIComponent(key) + '=' + encodeURIComponent(fields[key]);
      }).join('&');
    });
  }
  fbq.callMethod = function (command, first, details) {
    if (command === 'init') {
      pixels.push(first);
      var script = document.createElement('script');
      script.async = true;
      script.src = 'https://connect.facebook.net/signals/config/' + first + '?v=2.9.999&r=stable';
      document.head.appendChild(script);
    }
    if (command === 'track' || command === 'trackCustom') send(first, details);
  };
  (fbq.queue || []).splice(0).forEach(function (call) { fbq.callMethod.apply(fbq, call); });
})();
