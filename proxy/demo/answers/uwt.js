/* Written for Consentry's demo. Acts as X's uwt.js does: it works off twq.queue and sends two pixels an event. */
(function () {
  'use strict';
  var twq = window.twq, account = '';
  if (!twq || twq.exe) return;

  function send(event) {
    var query = '?bci=3&dv=' + encodeURIComponent(navigator.language + '&' + screen.width + '&' + screen.height) +
      '&eci=2&event=' + encodeURIComponent(JSON.stringify({ event: event })) + '&event_id=' +
      Math.random().toString(16).slice(2) + '&p_id=Twitter&p_user_id=0&tw_document_href=' +
      encodeURIComponent(location.href) + '&tw_iframe_status=0&txn_id=' + account + '&type=javascript&version=2.3.30';
    new Image().src = 'https://t.co/i/adsct' + query;
    new Image().src = 'https://analytics.twitter.com/i/adsct' + query;
  }
  twq.exe = function (command, first) {
    if (command === 'config') { account = first; send('PageView'); }
    if (command === 'event' || command === 'track') send(first);
  };
  (twq.queue || []).splice(0).forEach(function (call) { twq.exe.apply(twq, call); });
})();
