/* Written for Consentry's demo. Acts as a Tag Manager container with one tag in it: Microsoft's UET. */
(function () {
  'use strict';
  var queue = (window.dataLayer = window.dataLayer || []);
  window.google_tag_manager = window.google_tag_manager || {};
  if (window.google_tag_manager['GTM-MRGN7LM']) return;
  window.google_tag_manager['GTM-MRGN7LM'] = { dataLayer: queue };
  queue.push({ event: 'gtm.dom' });
  (function (w, d, t, r, u) {
    var f, n, i;
    w[u] = w[u] || [];
    f = function () {
      var o = { ti: '134610077', enableAutoSpaTracking: true };
      o.q = w[u];
      w[u] = new window.UET(o);
      w[u].push('pageLoad');
    };
    n = d.createElement(t); n.src = r; n.async = 1;
    n.onload = function () { if (window.UET) f(); };
    i = d.getElementsByTagName(t)[0]; i.parentNode.insertBefore(n, i);
  })(window, document, 'script', '//bat.bing.com/bat.js', 'uetq');
  queue.push({ event: 'gtm.load' });
})();
