/* Written for Consentry's demo. Acts as VK's openapi.js does, as far as retargeting goes. */
(function () {
  'use strict';
  var account = '';
  function send(event) {
    new Image().src = 'https://vk.com/rtrg?r=' + Math.random() + '&p=' + account + (event ? '&e=' + event : '') +
      '&i=' + encodeURIComponent(location.href) + '&ref=' + encodeURIComponent(document.referrer);
  }
  window.VK = window.VK || {};
  window.VK.Retargeting = {
    Init: function (id) { account = id; },
    Hit: function () { send(''); },
    Event: function (name) { send(name); }
  };
})();
